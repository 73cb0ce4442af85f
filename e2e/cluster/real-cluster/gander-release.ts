// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { RealCluster } from "./real-cluster.ts";

const root = join(import.meta.dirname, "../../..");
const chart = (name: string) => join(root, "charts", name);
/** Where another cluster (GANDER_E2E_KUBECONFIG) gets the images from. */
const repository = process.env.GANDER_E2E_IMAGE_REPOSITORY ?? "localhost/gander";

export type SensorPod = {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
    }[];
  };
};

/** Gander as the charts install it, with helm. */
export class GanderRelease {
  readonly namespace = "gander-system";
  readonly inNamespace = [`--namespace=${this.namespace}`];
  readonly #cluster: RealCluster;

  private constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  /** Resolves when operator and sensors are rolled out. `settings`: for --set. */
  static async install(
    cluster: RealCluster,
    settings: readonly string[] = [],
  ): Promise<GanderRelease> {
    const release = new GanderRelease(cluster);
    await cluster.helm(["upgrade", "--install", "gander-crds", chart("gander-crds")]);
    await cluster.helm([
      ...["upgrade", "--install", "gander", chart("gander"), ...release.inNamespace],
      "--create-namespace",
      // Emulated nodes may need longer for their last steps.
      ...setting([`image.repository=${repository}`, "uninstallTimeout=12m", ...settings]),
    ]);
    await release.rolledOut();
    return release;
  }

  /** Does not wait until it is rolled out. */
  async upgrade(...settings: readonly string[]): Promise<void> {
    const words = ["upgrade", "gander", chart("gander"), ...this.inNamespace, "--reuse-values"];
    await this.#cluster.helm([...words, ...setting(settings)]);
  }

  async rolledOut(): Promise<void> {
    for (const object of ["deployment/gander-operator", "daemonset/gander-sensor"])
      await this.#cluster.kubectl(
        ["rollout", "status", object, ...this.inNamespace, "--timeout=900s"],
        { timeoutMs: 960_000 },
      );
  }

  async uninstall(): Promise<void> {
    const words = ["uninstall", "gander", ...this.inNamespace, "--wait", "--timeout=900s"];
    await this.#cluster.helm(words, { timeoutMs: 960_000 });
  }

  /** Those that are not about to go. */
  async sensorPods(): Promise<readonly SensorPod[]> {
    const selector = "app.kubernetes.io/name=gander-sensor";
    const { stdout } = await this.#cluster.kubectl([
      ...["get", "pods", ...this.inNamespace, `--selector=${selector}`, "--output=json"],
    ]);
    const { items }: { readonly items: readonly SensorPod[] } = JSON.parse(stdout);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }
}

const setting = (settings: readonly string[]) => settings.flatMap((one) => ["--set", one]);
