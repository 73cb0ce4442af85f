// SPDX-License-Identifier: Apache-2.0

/** A metric, said once: for the program, its Prometheus endpoint, OTLP and the docs. */
export type Instrument = {
  /**
   * `counter`: a total that only grows while its labels exist; `gauge`: the current value; `histogram`: how
   * single observations are spread, in seconds.
   */
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Name of a label → its possible values, whose number must not depend on workloads. */
  readonly labels?: Readonly<Record<string, string>>;
};

/** Name as Prometheus wants it (counters end in `_total`, seconds in `_seconds`) → metric. */
export type Instruments = Readonly<Record<string, Instrument>>;

/** The labels of one instrument, all of them. */
type LabelsOf<I extends Instrument> = I extends { readonly labels: infer L }
  ? { readonly [K in keyof L]: string }
  : undefined;

/** Tells the value of one series now. */
export type Report<T extends Instruments> = <const N extends keyof T & string>(
  name: N,
  value: number | bigint,
  ...labels: LabelsOf<T[N]> extends undefined ? [] : [LabelsOf<T[N]>]
) => void;
