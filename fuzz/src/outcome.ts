// SPDX-License-Identifier: Apache-2.0

/** A message without what differs from input to input. */
export function outcomeOf(message: string): string {
  return message.replace(/["'`].*["'`]|\d+/gs, "#").slice(0, 60);
}

/** What comes of a parser that says by an Error that its input is none; `isRefusal` says which Errors those are. */
export function outcomeOrRefusal(run: () => string, isRefusal: (error: Error) => boolean): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && isRefusal(error)) return outcomeOf(error.message);
    throw error;
  }
}
