// SPDX-License-Identifier: Apache-2.0

type Named = { readonly name: string; readonly group: { readonly namespace: string } };

/**
 * Finds pods by namespace and name. By the name alone first, which pods have in memory anyway and few share: keys
 * of both would take as much memory as the pods.
 */
export class PodNames<Pod extends Named> {
  readonly #byName = new Map<string, Pod | readonly Pod[]>();

  add(pod: Pod): void {
    const others = this.#all(pod.name);
    this.#byName.set(pod.name, others.length === 0 ? pod : [...others, pod]);
  }

  delete(pod: Pod): void {
    const [first, ...others] = this.#all(pod.name).filter((one) => one !== pod);
    if (first === undefined) this.#byName.delete(pod.name);
    else this.#byName.set(pod.name, others.length === 0 ? first : [first, ...others]);
  }

  find(namespace: string, name: string): Pod | undefined {
    return this.#all(name).findLast((pod) => pod.group.namespace === namespace);
  }

  #all(name: string): readonly Pod[] {
    const found = this.#byName.get(name);
    if (found === undefined) return [];
    return "name" in found ? [found] : found;
  }
}
