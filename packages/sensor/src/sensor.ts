// SPDX-License-Identifier: Apache-2.0
import { rm, rmdir } from "node:fs/promises";
import { hostname, release } from "node:os";
import { basename, join, resolve } from "node:path";
import { GanderError, type Logger } from "@gander/base";
import {
  type CheckedPolicy,
  checkPolicy,
  checkPolicyFile,
  type EventBudget,
  type Fuse,
  parseEventBudget,
  parseFuse,
} from "@gander/policy";
import type { SensorConfiguration } from "./configuration/configuration.ts";
import { parseServerAddress } from "./configuration/server-address.ts";
import type { LogLevelControl } from "./control/debug-calls.ts";
import { type Listener, listenersOf } from "./control/listeners.ts";
import { newPodsMessage } from "./control/new-pods.ts";
import { lockInstance } from "./host/instance-lock.ts";
import { requirePreconditions } from "./host/preconditions.ts";
import { giveBackMemory } from "./host/spare-memory.ts";
import { forgetStartProblem } from "./host/start-problem.ts";
import {
  createKernel,
  type HeldProcess,
  introduceSensor,
  type Kernel,
  removeBuilds,
} from "./kernel/index.ts";
import { namespaceNames } from "./link/namespace-kinds.ts";
import type { BundleKeeper } from "./operator/bundle-keeper.ts";
import {
  type ClusterPoliciesOptions,
  connectToOperator,
  openClusterPolicies,
} from "./operator/cluster-policies.ts";
import { operatorAccess } from "./operator/operator-access.ts";
import { operatorConnection } from "./operator/operator-connection.ts";
import type { OperatorLink } from "./operator/operator-link.ts";
import { startProblemFileOf, tellStartProblem } from "./operator/tell-start-problem.ts";
import { eventCounters } from "./pipeline/event-counters.ts";
import { eventKernel } from "./pipeline/event-kernel.ts";
import {
  createEventPipeline,
  type EventPipeline,
  type EventPipelineOptions,
} from "./pipeline/event-pipeline.ts";
import { type EventSettings, eventSettings } from "./pipeline/event-settings.ts";
import { reportFaults } from "./pipeline/fault-report.ts";
import { reportGaps } from "./pipeline/gap-report.ts";
import { createJsonExport, type JsonExport } from "./pipeline/json-export.ts";
import { explainDenial } from "./policy/explain-denial.ts";
import {
  createFuseFile,
  createManifestFile,
  createPolicyManager,
  type EarlyPods,
  type FuseFile,
  type InstalledPolicy,
  type ManifestFile,
  noManifests,
  type PolicyManager,
  unknownPolicyPrefix,
} from "./policy/index.ts";
import { watchPolicyDirectories } from "./policy-files/policy-directory.ts";
import { readPolicyFiles } from "./policy-files/policy-file.ts";
import { processFlag } from "./process/process-flags.ts";
import type { ProcessTable } from "./process/process-table.ts";
import { recordOffsets } from "./records/record-layouts.ts";
import { readCommandLines } from "./records/task-arguments.ts";
import { createPolicyRequests, type PolicyRequests } from "./requests/policy-requests.ts";
import { type Cgroups, createCgroups } from "./workload/cgroups.ts";
import { createContainerBundles } from "./workload/container-bundles.ts";

type SensorDeps = {
  readonly logger: Logger;
  /** Controls the log level while the sensor runs. */
  readonly logLevel: LogLevelControl;
  /** The answer of GetVersion. */
  readonly version: string;
};

/** The mount point of cgroup v2. */
const cgroupRoot = "/sys/fs/cgroup";
/** Below `stateDir`. */
const operatorFolder = "operator";

/** A running sensor; disposing it is a clean stop. */
export type Sensor = AsyncDisposable & {
  /** Starts a new export file. */
  rotateExports(): void;
};

/**
 * Starts a sensor in this order: enforcement, then events. Returns when it is ready: every policy that can be
 * in force is, and events are sent. Throws a GanderError or BpfError if it cannot start.
 */
export async function createSensor(
  configuration: SensorConfiguration,
  deps: SensorDeps,
): Promise<Sensor> {
  const place = kernelPlace(configuration);
  // First of all: until then a policy of an earlier sensor can deny anything that this one does.
  const hooks = introduceSensor(place);
  try {
    return await (configuration.removeAll ? removeAll : startSensor)(configuration, deps);
  } catch (error) {
    const policies = policiesInForce(manifestOf(configuration));
    const problem = explainDenial(error, { bpfFolder: place.bpfFolder, hooks, policies });
    const node = nodeNameOf(configuration);
    await tellStartProblem(problem, { configuration, node, ...deps });
    throw problem;
  }
}

/**
 * Removes what sensors have left in the kernel and below `stateDir`. Then it answers probes as a sensor does, so
 * that a DaemonSet shows on which nodes it is done.
 */
async function removeAll(
  configuration: SensorConfiguration,
  { logger }: SensorDeps,
): Promise<Sensor> {
  const { bpfFolder } = kernelPlace(configuration);
  requirePreconditions({ bpfFolder, cgroupRoot, holdsPods: false }, "remove");
  await using parts = new AsyncDisposableStack();
  // After the lock in it.
  parts.defer(() => rmdir(bpfFolder).catch(() => undefined));
  parts.use(await lockInstance(bpfFolder));
  await removeBuilds(bpfFolder);
  manifestOf(configuration).remove();
  fuseFileOf(configuration).remove();
  await rm(join(configuration.stateDir, operatorFolder), { recursive: true, force: true });
  forgetStartProblem(startProblemFileOf(configuration));
  logger.info("All that sensors have left on this machine was removed; nothing is enforced");
  parts.use(await serveProbes(configuration, () => () => []));
  const done = parts.move();
  return { rotateExports: () => {}, [Symbol.asyncDispose]: () => done.disposeAsync() };
}

async function startSensor(configuration: SensorConfiguration, deps: SensorDeps): Promise<Sensor> {
  const { logger, version } = deps;
  const holdsPods = configuration.newPods === "hold";
  requirePreconditions({ bpfFolder: bpfFolderOf(configuration), cgroupRoot, holdsPods }, "start");
  logger.info("Sensor starts", { version, kernel: release(), pid: process.pid });
  const always = await readPolicyFiles(configuration.tracingPolicy, checkPolicyFile);
  const settings = eventSettings(configuration);
  const listeners = await listenersOf(configuration);
  const nodeName = nodeNameOf(configuration);
  const cluster = {
    ...{ access: operatorAccess(configuration), nodeName },
    folder: join(configuration.stateDir, operatorFolder),
    newPods: newPodsOf(configuration),
  };

  await using parts = new AsyncDisposableStack();
  const stay = { inKernel: false };
  const { kernel, policies, cgroups, requests, keeper, early, before } = await startEnforcement(
    { configuration, always, cluster, logger },
    parts,
    stay,
  );
  const pipeline = createEventPipeline(
    {
      kernel: eventKernel(kernel, policies),
      rules: policies,
      commandLines: readCommandLines,
      offerRequest: requests.offer,
      cgroups,
      logger,
    },
    pipelineOptions(configuration, settings, kernel, nodeName),
  );
  if (configuration.enableNodeLabels) followNodeLabels(pipeline, keeper);
  const json = parts.use(await createJsonExport(pipeline.events, configuration, settings, logger));
  // Stopped before the export, so that the export gets what is still in the ring.
  parts.use(pipeline);
  await pipeline.start();
  parts.use(followFuses(pipeline, policies));
  early?.onLate((late) => markEarly(pipeline.processes, late));
  const operator = await startOperator({ ...deps, keeper, pipeline }, cluster, configuration);
  if (operator !== undefined) parts.use(operator);
  const control = {
    ...deps,
    kernel,
    policies,
    pipeline,
    json,
    listeners,
    operator,
    early,
    requests,
  };
  parts.use(await startControl(configuration, control));
  parts.use(watchFaults(kernel, policies, logger));
  parts.use(await startMetrics(configuration, { ...control, nodeName }));
  parts.use(await startHealth(configuration, { policies, keeper, before }));

  stay.inKernel = configuration.keepSensorsOnExit;
  forgetStartProblem(startProblemFileOf(configuration));
  logger.info("Sensor is ready", { ...readiness(policies, kernel), nodeName });
  parts.use(giveBackLater());
  const running = parts.move();
  return {
    rotateExports: () => json.rotate(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Those that are blown already, too: a reader of this sensor's events has not seen it. */
function followFuses(pipeline: EventPipeline, policies: PolicyManager): Disposable {
  for (const { fuse, ...policy } of policies.list())
    if (fuse !== undefined && fuse.blownAt !== "")
      pipeline.announce({ policy, fuse: fuse.fuse, to: "blown" });
  return policies.onFuse((change) => pipeline.announce(change));
}

function followNodeLabels({ events }: EventPipeline, keeper: BundleKeeper | undefined): void {
  if (keeper === undefined) return;
  events.setNodeLabels(keeper.state.nodeLabels);
  keeper.onNodeLabels((labels) => events.setNodeLabels(labels));
}

/** Whether programs and policies stay in the kernel when the sensor stops. */
type Stay = { inKernel: boolean };

type Enforcement = {
  readonly kernel: Kernel;
  readonly policies: PolicyManager;
  readonly cgroups: Cgroups;
  readonly requests: PolicyRequests;
  /** Undefined: there is no operator. */
  readonly keeper: BundleKeeper | undefined;
  /** Undefined: processes of new pods just run. */
  readonly early: EarlyPods | undefined;
  /** What an earlier sensor left in force. */
  readonly before: readonly InstalledPolicy[];
};

type EnforcementOptions = {
  readonly configuration: SensorConfiguration;
  readonly always: readonly CheckedPolicy[];
  readonly cluster: ClusterPoliciesOptions;
  readonly logger: Logger;
};

/** Starts enforcement, first and independently: it needs nothing that starts later. */
async function startEnforcement(
  { configuration, always, cluster, logger }: EnforcementOptions,
  parts: AsyncDisposableStack,
  stay: Stay,
): Promise<Enforcement> {
  const place = kernelPlace(configuration);
  parts.use(await lockInstance(place.bpfFolder));
  const manifest = manifestOf(configuration);
  const stored = manifest.load();
  const kernel = await createKernel({ logger }, { ...place, manifests: stored.manifests });
  kernel.exemptThisProcess();
  if (!kernel.isExempt)
    logger.warn("Policies apply to the sensor itself: it could not register with its programs");
  const cgroups = createCgroups(recordOffsets(kernel.layouts), {
    root: cgroupRoot,
    bundles: createContainerBundles(configuration.containerConfigurations),
  });
  // A failed start must not end what an earlier sensor left in force.
  stay.inKernel = kernel.found !== "nothing";
  parts.defer(() => leaveKernel(kernel, manifest, stay, logger));
  const requests = parts.use(
    createPolicyRequests({ logger }, { allowed: configuration.policyRequests }),
  );
  const policies = parts.use(
    createPolicyManager(
      {
        ...{ kernel: kernel.policies, manifest, left: kernel.left, logger },
        ...{ remarksOn: requests.remarksOn, fuseFile: fuseFileOf(configuration) },
      },
      {
        kernelId: kernel.id,
        stored: kernel.found === "nothing" ? noManifests : stored,
        ...{ eventBudget: eventBudgetOf(configuration), fuse: fuseOf(configuration) },
      },
    ),
  );
  const fromCluster = parts.use(
    await openClusterPolicies({ kernel, policies, cgroups, logger }, cluster),
  );
  const restored = fromCluster.restore();
  const directories = await watchPolicyDirectories(
    { policies, check: checkPolicyFile, logger },
    { directories: configuration.policies, always },
  );
  parts.use(directories);
  await restored;
  await policies.started();
  await policies.releaseLeft({ operatorIsWhole: fromCluster.isWhole() });
  const { keeper, early } = fromCluster;
  const before = kernel.found === "nothing" ? [] : stored.manifests.flatMap((one) => one.policies);
  return { kernel, policies, cgroups, requests, keeper, early, before };
}

type OperatorParts = SensorDeps &
  Pick<Enforcement, "keeper"> & { readonly pipeline: EventPipeline };

/** Undefined: processes of new pods just run. @throws GanderError if there is no operator to wait for. */
function newPodsOf({ newPods, newPodsLimit, operator }: SensorConfiguration) {
  if (newPods !== "observe" && newPods !== "hold") return undefined;
  if (operator === "")
    throw new GanderError(
      "configuration-bad-value",
      `Cannot ${newPods} new pods without an operator: --operator HOST:PORT is missing`,
      { hint: "Without an operator, a pod has the policies that apply to everything at once." },
    );
  return { mode: newPods, limitMs: newPodsLimit } as const;
}

/** They were let go without the policies of their pod. */
function markEarly(processes: ProcessTable, late: readonly HeldProcess[]): void {
  for (const { pid, start } of late) {
    const [low, high] = [Number(start & 0xffff_ffffn), Number(start >> 32n)];
    processes.find(pid, low, high)?.addFlags(processFlag.beforePolicies);
  }
}

/** Undefined: there is no operator. */
async function startOperator(
  { keeper, pipeline, logger, version: sensorVersion }: OperatorParts,
  { access, nodeName, folder }: ClusterPoliciesOptions,
  { enableProcessCred: withCredentials }: SensorConfiguration,
): Promise<OperatorLink | undefined> {
  if (keeper === undefined || access === undefined) return undefined;
  return connectToOperator(
    { keeper, pipeline, logger },
    { access, nodeName, folder, sensorVersion, filters: { withCredentials } },
  );
}

function pipelineOptions(
  configuration: SensorConfiguration,
  { redact }: EventSettings,
  { facts }: Kernel,
  nodeName: string,
): EventPipelineOptions {
  return {
    envelope: { nodeName, clusterName: configuration.clusterName, nodeLabels: {} },
    processCacheSize: configuration.processCacheSize,
    withCredentials: configuration.enableProcessCred,
    withNamespaces: configuration.enableProcessNs,
    hostNamespaces: namespaceNames.map((name) => Number(facts.hostNamespace(name))),
    ancestors: configuration.enableAncestors,
    exposeStackAddresses: configuration.exposeStackAddresses,
    redact,
  };
}

type ControlParts = SensorDeps &
  Pick<Enforcement, "kernel" | "policies" | "requests" | "early"> & {
    readonly operator: OperatorLink | undefined;
    readonly pipeline: EventPipeline;
    readonly json: JsonExport;
    readonly listeners: readonly Listener[];
  };

async function startControl(
  configuration: SensorConfiguration,
  { kernel, policies, pipeline, json, listeners, operator, early, ...deps }: ControlParts,
): Promise<AsyncDisposable> {
  // Loaded late: enforcement should not wait for a gRPC library.
  const { createControlServer } = await import("./control/control-server.ts");
  return createControlServer(
    {
      ...deps,
      pipeline,
      policies,
      check: checkPolicy,
      health: () => ({ running: true, details: healthDetails(kernel, policies) }),
      eventCounters: () => eventCounters({ kernel, policies, pipeline, json }),
      operator: () => operator && operatorConnection(operator.status()),
      newPods: () => early && newPodsMessage(early.counts()),
    },
    {
      listeners,
      version: deps.version,
      probes: { lsm: kernel.facts.activeLsms.includes("bpf") },
      configuration: Object.fromEntries(
        Object.entries(configuration).map(([name, value]) => [optionName(name), String(value)]),
      ),
      maxQueued: configuration.eventQueueSize,
      filters: { withCredentials: configuration.enableProcessCred },
    },
  );
}

/** What an administrator who checks the status should know at once. */
function healthDetails({ isExempt, unusablePins }: Kernel, policies: PolicyManager): string {
  const { unkept } = policies;
  const unknown = policies.list().filter(({ name }) => name.startsWith(unknownPolicyPrefix));
  return [
    "running",
    ...(isExempt
      ? []
      : ["policies apply to the sensor itself, as its programs could not be told who it is"]),
    ...(unusablePins === 0
      ? []
      : [`${unusablePins} folders of pins of earlier sensors were no use and have been replaced`]),
    ...(unkept === "" ? [] : [`the state on disk cannot be written (${unkept})`]),
    ...unknown.map(({ name }) => `of what is in force as "${name}" the policies are not known`),
  ].join("; ");
}

/** Loaded only if used: it takes more memory than all enforcement. */
async function startMetrics(
  { metricsServer: address, otlpEndpoint }: SensorConfiguration,
  { nodeName, version, ...deps }: ControlParts & { readonly nodeName: string },
): Promise<AsyncDisposable> {
  if (address === "" && otlpEndpoint === "") return { [Symbol.asyncDispose]: async () => {} };
  const { serveSensorMetrics } = await import("./metrics/serve-sensor-metrics.ts");
  return serveSensorMetrics(deps, { address, otlpEndpoint, nodeName, version });
}

/** Last of all: a sensor that answers has started. */
function startHealth(
  configuration: SensorConfiguration,
  { policies, keeper, before }: Pick<Enforcement, "policies" | "keeper" | "before">,
): Promise<AsyncDisposable> {
  return serveProbes(configuration, (createReadiness) =>
    createReadiness({
      cluster: keeper,
      before: before.flatMap(({ key: { uid, name } }) => (uid === undefined ? [] : { uid, name })),
      unrestored: () => policies.unrestored,
    }),
  );
}

type CreateReadiness = typeof import("./control/readiness.ts").createReadiness;

async function serveProbes(
  { healthServerAddress }: SensorConfiguration,
  problems: (createReadiness: CreateReadiness) => () => readonly string[],
): Promise<AsyncDisposable> {
  const address = parseServerAddress(healthServerAddress);
  if (address === undefined || "unix" in address) return { [Symbol.asyncDispose]: async () => {} };
  const [{ serveHealth }, { createReadiness }] = await Promise.all([
    import("./control/health-server.ts"),
    import("./control/readiness.ts"),
  ]);
  const host = healthServerAddress.startsWith(":") ? undefined : address.host;
  return serveHealth(problems(createReadiness), { host, port: address.port });
}

/** The name on the command line: `exportFilename` is `export-filename`. */
function optionName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const calmMs = 1_000;

/** Releases memory that only the start needed. */
function giveBackLater(): Disposable {
  const timer = setTimeout(giveBackMemory, calmMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

const faultPeriodMs = 60_000;

/** Short, so that a policy's first unjudged calls are soon in the log. */
const gapPeriodMs = 10_000;

function watchFaults(kernel: Kernel, policies: PolicyManager, logger: Logger): Disposable {
  const stop = new AbortController();
  const options = { periodMs: faultPeriodMs, signal: stop.signal };
  reportFaults(() => kernel.faults(), logger, options).catch((error: unknown) =>
    logger.error("Faults of the kernel programs cannot be read", { error }),
  );
  reportGaps(() => policies.list(), logger, { ...options, periodMs: gapPeriodMs }).catch(
    (error: unknown) => logger.error("Counts of policies cannot be read", { error }),
  );
  return { [Symbol.dispose]: () => stop.abort() };
}

/** Found in the same way as Tetragon does, so that exec_ids stay the same. */
function nodeNameOf({ nodeName }: SensorConfiguration): string {
  const { HUBBLE_NODE_NAME, NODE_NAME } = process.env;
  return nodeName || HUBBLE_NODE_NAME || NODE_NAME || hostname();
}

type Removable = { remove(): void };

/** A clean stop removes everything unless configured to keep it, and logs which. */
async function leaveKernel(
  kernel: Kernel,
  manifest: Removable,
  { inKernel }: Stay,
  logger: Logger,
): Promise<void> {
  if (inKernel) {
    await kernel[Symbol.asyncDispose]();
    logger.info("Sensor has stopped; enforcement stays in the kernel");
    return;
  }
  await kernel.removeAll();
  manifest.remove();
  logger.info("Sensor has stopped; nothing is enforced any more");
}

function readiness(policies: PolicyManager, kernel: Kernel) {
  const states: Record<string, number> = {};
  for (const { state } of policies.list()) states[state] = (states[state] ?? 0) + 1;
  return { policies: states, found: kernel.found, kernel: kernel.facts.release };
}

function bpfFolderOf({ bpfDir }: SensorConfiguration): string {
  return resolve("/sys/fs/bpf", bpfDir);
}

/** Where its programs are pinned, and the size of their ring. */
function kernelPlace(configuration: SensorConfiguration) {
  const ringBytes = powerOfTwo(configuration.rbSize);
  return { bpfFolder: bpfFolderOf(configuration), ringBytes };
}

function eventBudgetOf({ eventBudget }: SensorConfiguration): EventBudget | undefined {
  const budget = eventBudget === "" ? undefined : parseEventBudget(eventBudget);
  return budget !== undefined && "ok" in budget ? budget.ok : undefined;
}

function fuseOf({ fuse }: SensorConfiguration): Fuse | undefined {
  const read = fuse === "" ? undefined : parseFuse(fuse);
  return read !== undefined && "ok" in read && read.ok !== "off" ? read.ok : undefined;
}

function manifestOf(configuration: SensorConfiguration): ManifestFile {
  return createManifestFile(stateFile(configuration, "manifest"));
}

function fuseFileOf(configuration: SensorConfiguration): FuseFile {
  return createFuseFile(stateFile(configuration, "fuses"));
}

function stateFile(configuration: SensorConfiguration, kind: string): string {
  return join(configuration.stateDir, `${basename(bpfFolderOf(configuration))}.${kind}`);
}

/** As far as it can be known: a policy may deny reading it. */
function policiesInForce(manifest: ManifestFile): readonly InstalledPolicy[] {
  return manifest.load().manifests[0]?.policies ?? [];
}

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
