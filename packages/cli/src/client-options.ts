// SPDX-License-Identifier: Apache-2.0
import type { Values } from "@gander/base";
import { checkServerAddress, DEFAULT_SERVER_ADDRESS } from "@gander/sensor/configuration";

/** Options of every command that talks to a running sensor. */
export const clientOptions = {
  "server-address": {
    type: "text",
    default: DEFAULT_SERVER_ADDRESS,
    placeholder: "ADDRESS",
    help: "Where the sensor listens: a socket of this machine, or host:port.",
    group: "Sensor",
    check: checkServerAddress,
  },
  "tls-ca-cert-files": {
    type: "list",
    default: [],
    placeholder: "FILE",
    help: "Authorities (PEM) trusted to sign the certificate of a sensor at host:port. Default: those of the system. Any of these options turns on TLS.",
    group: "Sensor",
  },
  "tls-cert-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Your client certificate (PEM), for a sensor that asks for one.",
    group: "Sensor",
  },
  "tls-key-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Private key (PEM) of your certificate.",
    group: "Sensor",
  },
  "tls-server-name": {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The name in the sensor's certificate, if it is not the host of the address.",
    group: "Sensor",
  },
  "tls-skip-verify": {
    type: "boolean",
    default: false,
    help: "Accept any certificate: anyone on the path can read and change everything. For trials only.",
    group: "Sensor",
    flagOnly: true,
  },
  timeout: {
    type: "duration",
    default: 30_000,
    min: 1,
    help: "How long the sensor may take to answer.",
    group: "Sensor",
    flagOnly: true,
  },
} as const;

export type ClientValues = Values<typeof clientOptions>;
