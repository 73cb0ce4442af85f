// SPDX-License-Identifier: Apache-2.0

/** Of the commands that read a recording. */
export const recordingOptions = {
  recording: {
    type: "text",
    default: "",
    placeholder: "REC",
    help: "The recording.",
    flagOnly: true,
  },
  output: {
    type: "text",
    default: "text",
    values: ["text", "json"],
    short: "o",
    help: "text is a table for people, json has everything.",
    flagOnly: true,
  },
  "allow-loss": {
    type: "boolean",
    default: false,
    help: "An incomplete recording is no error; what it lacks is still said.",
    flagOnly: true,
  },
} as const;
