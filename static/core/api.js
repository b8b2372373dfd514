// Requests to the REST API. An error response becomes a Refused with its sentence and fields, no response a NoAnswer.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.errors = problem.errors || [];
  }
}

export class NoAnswer extends Error {
  constructor(cause) { super("The server does not answer.", { cause }); }
}

// What went wrong in a sentence; `undone`, such as "Not paused", is what the asker wanted.
export function errorMessage(error, undone) {
  return error instanceof NoAnswer && undone ? `${undone}: the server does not answer.` : error.message;
}

// Reads wait while what the page shows is being deleted: they would find nothing, and the page is about to leave.
let deletion = Promise.resolve();
const requests = new Set();

export async function get(path, signal) {
  await deletion;
  const answer = send("GET", path, undefined, { signal });
  requests.add(answer);
  try {
    return await answer;
  } finally {
    requests.delete(answer);
  }
}

// Deletes what the page shows, once the reads that have begun are answered; the page must leave then.
export async function deleteBeforeLeaving(path) {
  const { promise, resolve } = Promise.withResolvers();
  deletion = promise;
  await Promise.allSettled(requests);
  try {
    return await send("DELETE", path);
  } catch (error) {
    resolve();
    throw error;
  }
}

export const post = (path, body, headers) => send("POST", path, body, { headers });
export const patch = (path, body) => send("PATCH", path, body);

async function send(method, path, body, { signal, headers } = {}) {
  const form = body instanceof FormData;
  const answer = await request(path, {
    method,
    signal,
    headers: { accept: "application/json", ...(body && !form ? { "content-type": "application/json" } : {}), ...headers },
    body: body === undefined || form ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const json = text && /json/.test(answer.headers.get("content-type") || "") ? JSON.parse(text) : {};
  if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (!answer.ok) throw new Refused(answer.status, json);
  return json;
}

// `fetch`, which calls every failure of the network a TypeError.
export async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    throw error instanceof TypeError ? new NoAnswer(error) : error;
  }
}

export function query(values) {
  const filled = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return new URLSearchParams(filled).toString();
}
