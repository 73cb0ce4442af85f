// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type GuestCommand = {
  readonly id: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
};

export type GuestOutput = {
  /** 128 and more: ended by a signal; 137 is SIGKILL. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type GuestAnswer = GuestOutput & { readonly id: number };

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/** A virtual machine with a real kernel that runs until it is disposed of. */
export type Guest = AsyncDisposable & {
  readonly kernel: string;
  /** Resolves for any exit status. Rejects if the guest is gone. */
  run(argv: readonly string[], options?: RunOptions): Promise<GuestOutput>;
  /** A script for bash. Throws with the full output if it fails. @returns its standard output */
  bash(script: string, options?: RunOptions): Promise<string>;
};

/** The address of this machine's 127.0.0.1 in a guest. */
export const hostInGuest = "10.0.2.2";

const vm = fileURLToPath(new URL("../../vm", import.meta.url));

/** Boots a guest; resolves when it accepts commands. */
export async function startGuest(kernel: string): Promise<Guest> {
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const agent = ["node", "/gander/e2e/cluster/lib/guest-agent.ts", hostInGuest, String(port)];
  const child = spawn(vm, ["--kernel", kernel, "--network", "--timeout", "3600", "--", ...agent]);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-20_000);
    });
  const ended = new Promise<never>((_, reject) => {
    child.once("close", (status) =>
      reject(new Error(`The guest with ${kernel} ended with ${status}: ${said}`)),
    );
  });
  ended.catch(() => undefined);
  const stop = async () => {
    listener.close();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await ended.catch(() => undefined);
    }
  };
  try {
    const [socket] = (await Promise.race([once(listener, "connection"), ended])) as [Socket];
    return { ...commandsOver(socket, kernel, ended), kernel, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function commandsOver(
  socket: Socket,
  kernel: string,
  ended: Promise<never>,
): Pick<Guest, "run" | "bash"> {
  const waiting = new Map<number, (answer: GuestAnswer) => void>();
  let last = 0;
  socket.on("error", () => undefined);
  createInterface({ input: socket }).on("line", (line) => {
    const answer = JSON.parse(line) as GuestAnswer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const run: Guest["run"] = (argv, { env = {}, input = "" } = {}) => {
    const id = ++last;
    const command: GuestCommand = { id, argv, env, input };
    const answer = new Promise<GuestAnswer>((resolve) => waiting.set(id, resolve));
    socket.write(`${JSON.stringify(command)}\n`);
    return Promise.race([answer, ended]);
  };
  return {
    run,
    async bash(script, options) {
      const { status, stdout, stderr } = await run(
        ["bash", "-euo", "pipefail", "-c", script],
        options,
      );
      if (status === 0) return stdout;
      throw new Error(
        `In the guest with ${kernel}, status ${status}: ${script}\n${stdout}${stderr}`,
      );
    },
  };
}
