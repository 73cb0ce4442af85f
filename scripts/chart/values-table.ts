// SPDX-License-Identifier: Apache-2.0
import type { ChartValue } from "./chart-value.ts";
import { optionValues } from "./option-values.ts";
import {
  clusterValues,
  imageValues,
  libraryValues,
  operatorValues,
  sensorValues,
} from "./own-values.ts";

/** Every value of charts/gander, in the order of values.yaml: the one source of what is generated there. */
export const chartValues: readonly ChartValue[] = [
  ...imageValues,
  ...operatorValues,
  ...optionValues("operator"),
  ...sensorValues,
  ...optionValues("sensor"),
  ...libraryValues,
  ...clusterValues,
];
