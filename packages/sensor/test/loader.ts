// SPDX-License-Identifier: Apache-2.0
// For kernel tests: a sensor that loads the policies in its arguments, says so, and waits to be killed.
import { addPolicy, startGuestSensor } from "./guest-sensor.ts";

const [name = "", ringBytes = "", ...texts] = process.argv.slice(2);
const { policies } = await startGuestSensor({ name, ringBytes: Number(ringBytes) });
for (const text of texts) await addPolicy(policies, text);
await policies.started();
process.send?.("ready");
setInterval(() => {}, 1000);
