// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@gander/base";
import {
  BundleKeeper,
  BundleStore,
  type KernelFactsMessage,
  type NodeCounts,
  type NodePolicies,
  type NodeVersion,
  type OperatorAccess,
  type OperatorEvents,
  type OperatorLink,
  type PolicyShortfall,
  startOperatorLink,
} from "@gander/sensor/operator";
import { authority } from "./test-operator.ts";

type LogLine = { readonly level: string; readonly message: string; readonly hint?: string };

/** In the place of the kernel: takes every version and says what the test says. */
export class KernelStandIn implements NodePolicies {
  readonly versions: NodeVersion[] = [];
  exceptions: readonly PolicyShortfall[] | ((version: NodeVersion) => readonly PolicyShortfall[]) =
    [];
  current: NodeCounts = { since: 1, policies: [] };
  fuses: readonly PolicyShortfall[] = [];

  /** UID and generation of what is in force. */
  get inForce(): Readonly<Record<string, number>> {
    const { policies } = this.versions.at(-1) ?? { policies: [] };
    return Object.fromEntries(policies.map(({ uid, generation }) => [uid, generation]));
  }

  /** UIDs of the policies of each pod. */
  get pods(): Readonly<Record<string, readonly string[]>> {
    const { pods } = this.versions.at(-1) ?? { pods: [] };
    return Object.fromEntries(pods.map(({ uid, policies }) => [uid, policies]));
  }

  async apply(version: NodeVersion): Promise<readonly PolicyShortfall[]> {
    this.versions.push(version);
    return typeof this.exceptions === "function" ? this.exceptions(version) : this.exceptions;
  }

  generationInForce(uid: string): number {
    for (const { policies, unreadable = [] } of this.versions.toReversed()) {
      const found = policies.find((policy) => policy.uid === uid);
      if (found !== undefined || !unreadable.includes(uid)) return found?.generation ?? 0;
    }
    return 0;
  }

  counts(): NodeCounts {
    return this.current;
  }

  blown(): readonly PolicyShortfall[] {
    return this.fuses;
  }
}

export type TestNodeOptions = {
  readonly folder?: string;
  readonly node?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly kernel?: "adopted" | "fresh";
  readonly failedAgainMs?: number;
  readonly exceptions?: KernelStandIn["exceptions"];
  readonly facts?: () => Promise<KernelFactsMessage>;
  readonly relay?: Pick<OperatorEvents, "open">;
};

export type ConnectOptions = {
  readonly port: number;
  readonly tls?: boolean;
  readonly access?: Partial<OperatorAccess>;
  readonly delays?: { readonly firstRetryMs?: number; readonly mostRetryMs?: number };
};

/** The sensor's side as `gander run` has it, but for the kernel. Killed and started again at will. */
export class TestNode implements AsyncDisposable {
  readonly folder: string;
  readonly kernel: KernelStandIn = new KernelStandIn();
  readonly log: LogLine[] = [];
  readonly tokenFile: string;
  readonly keeper: BundleKeeper;
  readonly #options: TestNodeOptions;
  #link: OperatorLink | undefined;

  /** What disk has is in force when this returns. */
  constructor(options: TestNodeOptions = {}) {
    const { node = "a", token = "token-a", kernel = "fresh", failedAgainMs = 30_000 } = options;
    this.#options = options;
    this.kernel.exceptions = options.exceptions ?? [];
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), "gander-node-"));
    this.tokenFile = join(this.folder, "token");
    writeFileSync(this.tokenFile, token);
    writeFileSync(join(this.folder, "ca.crt"), options.ca ?? authority.certificate);
    const logger = createLogger({ write: (line) => void this.log.push(JSON.parse(line)) });
    const store = new BundleStore({ folder: join(this.folder, "operator"), node });
    this.keeper = new BundleKeeper(
      { store, policies: this.kernel, logger },
      { retryMs: 50, failedAgainMs },
    );
    void this.keeper.restore(kernel);
  }

  /** `access` and `delays`: in the place of those that make tests short. */
  connect({ port, tls = true, access, delays }: ConnectOptions): OperatorLink {
    const { node = "a", facts, relay } = this.#options;
    const text = `127.0.0.1:${port}`;
    this.#link = startOperatorLink(
      {
        keeper: this.keeper,
        facts: facts ?? (() => new Promise(() => {})),
        ...(relay && { relay }),
        logger: createLogger({ write: (line) => void this.log.push(JSON.parse(line)) }),
      },
      {
        access: {
          address: { target: `dns:${text}`, text, isLocal: true },
          caFile: tls ? join(this.folder, "ca.crt") : undefined,
          tokenFile: this.tokenFile,
          serverName: tls ? "gander-operator" : undefined,
          ...access,
        },
        ...{ node, sensorVersion: "test", summaryMs: 20 },
        ...(delays ?? { firstRetryMs: 20, mostRetryMs: 100 }),
      },
    );
    return this.#link;
  }

  get status(): ReturnType<OperatorLink["status"]> {
    if (this.#link === undefined) throw new Error("it was never connected");
    return this.#link.status();
  }

  said(part: string): boolean {
    return this.log.some((line) => JSON.stringify(line).includes(part));
  }

  /** Another sensor on the same disk. */
  async restart(options: TestNodeOptions = {}): Promise<TestNode> {
    await this.stop();
    return new TestNode({ ...this.#options, ...options, folder: this.folder });
  }

  async stop(): Promise<void> {
    await this.#link?.[Symbol.asyncDispose]();
    await this.keeper[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
