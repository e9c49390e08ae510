// One way to the service: bearer token, JSON, problem documents as errors. Nothing else of the page talks to the network.
import type { Problem } from "./types";

/** A request that was refused, with what the service says about it. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export interface Sending {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  json?: unknown;
  body?: Blob | string;
  type?: string;
  accept?: string;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

const UNREACHABLE: Problem = {
  type: "urn:lyceum:error:unreachable",
  title: "the server can't be reached",
  status: 0,
  detail: "the server did not answer",
  code: "unreachable",
  fix: "check the connection, then try again; asking again is never charged twice",
  retry: true,
};

export class Client {
  constructor(private readonly token: string) {}

  async send(path: string, sending: Sending = {}): Promise<Response> {
    const headers = new Headers({ Authorization: `Bearer ${this.token}`, Accept: sending.accept ?? "application/json" });
    if (sending.json !== undefined) headers.set("Content-Type", "application/json");
    else if (sending.type) headers.set("Content-Type", sending.type);
    if (sending.idempotencyKey) headers.set("Idempotency-Key", sending.idempotencyKey);
    let response: Response;
    try {
      response = await fetch(path, {
        method: sending.method ?? "GET",
        headers,
        cache: "no-store",
        credentials: "omit",
        ...(sending.json !== undefined ? { body: JSON.stringify(sending.json) } : {}),
        ...(sending.body !== undefined ? { body: sending.body } : {}),
        ...(sending.signal ? { signal: sending.signal } : {}),
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Refused(UNREACHABLE);
    }
    if (!response.ok) throw new Refused(await problemOf(response));
    return response;
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.send(path, signal ? { signal } : {})).json() as Promise<T>;
  }

  async post<T>(path: string, json: unknown, more: Sending = {}): Promise<T> {
    return (await this.send(path, { ...more, method: "POST", json })).json() as Promise<T>;
  }

  async text(path: string): Promise<string> {
    return (await this.send(path, { accept: "*/*" })).text();
  }

  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.send(path, { accept: "*/*" })).arrayBuffer());
  }

  /** Sends a file with progress, which fetch can't tell. */
  upload<T>(path: string, file: Blob, type: string, progress: (sent: number) => void, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PUT", path);
      request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      request.setRequestHeader("Content-Type", type);
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onerror = () => reject(new Refused(UNREACHABLE));
      request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
      request.onload = () => {
        const body: unknown = parsed(request.responseText);
        if (request.status >= 200 && request.status < 300) resolve(body as T);
        else reject(new Refused(isProblem(body) ? body : unknownProblem(request.status, request.statusText)));
      };
      signal.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const body = parsed(await response.text());
  return isProblem(body) ? body : unknownProblem(response.status, response.statusText);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isProblem = (body: unknown): body is Problem => typeof body === "object" && body !== null && "code" in body;

const unknownProblem = (status: number, text: string): Problem => ({
  type: "about:blank",
  title: text || "error",
  status,
  detail: `the server answered ${status}`,
  code: String(status),
});
