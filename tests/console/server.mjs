// A real server with a story behind it: `lyceum demo --serve` makes three people, a dataset, a release and answers.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WAIT_SECONDS = 600;

/** Starts it; gives its address, the people's tokens and what stops it. */
export async function startServer() {
  const binary = process.env.LYCEUM_BIN;
  if (!binary) throw new Error("set LYCEUM_BIN to the lyceum binary (cargo xtask test does)");
  const folder = mkdtempSync(join(tmpdir(), "lyceum-console-"));
  const kept = join(folder, "kept");
  const child = spawn(binary, ["demo", "--users", "600", "--serve", "--keep", kept], { stdio: ["ignore", "pipe", "pipe"] });
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  let said = "";
  child.stderr.on("data", (chunk) => { said += chunk; });
  const address = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no server after ${WAIT_SECONDS} s:\n${said}`)), WAIT_SECONDS * 1000);
    child.stdout.on("data", (chunk) => {
      said += chunk;
      const found = /researcher: lyceum login (\S+)/.exec(said);
      if (found && said.includes("Serving until")) {
        clearTimeout(timer);
        resolve(found[1]);
      }
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}:\n${said}`));
    });
  }).catch(async (error) => {
    await stop();
    throw error;
  });
  const token = (who) => readFileSync(join(kept, `${who}.token`), "utf8").trim();
  return { address, token, stop };
}

/** One call of the service. */
export async function call(server, who, method, path, body) {
  const reply = await fetch(server.address + path, {
    method,
    headers: { Authorization: `Bearer ${server.token(who)}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
}
