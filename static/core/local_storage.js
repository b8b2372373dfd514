// What this browser remembers of whoever uses it; where it may not store anything, only for as long as the page lives.
const here = new Map();

export function remembered(key) {
  try { return localStorage.getItem(key); } catch { return here.get(key) ?? null; }
}

export function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { here.set(key, value); }
}
