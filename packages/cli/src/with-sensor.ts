// SPDX-License-Identifier: Apache-2.0
import type { ClientValues } from "./client-options.ts";
import type { SensorClient } from "./sensor-client.ts";

/** Does something with a connection to the sensor, and closes it. */
export async function withSensor<T>(
  values: ClientValues,
  use: (sensor: SensorClient) => Promise<T>,
): Promise<T> {
  // Loaded late: help and pipes need no gRPC library.
  const { connectSensor } = await import("./sensor-client.ts");
  const { sensorChannel } = await import("./sensor-channel.ts");
  const channel = await sensorChannel(values);
  const sensor = await connectSensor({ channel, timeoutMs: values.timeout });
  try {
    return await use(sensor);
  } finally {
    sensor.close();
  }
}
