// Preferences kept in the browser. Where storage is forbidden they last as long as the page.
const here = new Map();

export function recall(key) {
  try { return localStorage.getItem(key); } catch { return here.get(key) ?? null; }
}

export function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { here.set(key, value); }
}
