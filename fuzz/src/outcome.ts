// SPDX-License-Identifier: Apache-2.0

/** A message without the parts that differ between inputs. */
export function outcomeOf(message: string): string {
  return message.replace(/["'`].*["'`]|\d+/gs, "#").slice(0, 60);
}

/** The outcome of a parser that refuses an input by an Error; `isRefusal` says which Errors are refusals. */
export function outcomeOrRefusal(run: () => string, isRefusal: (error: Error) => boolean): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && isRefusal(error)) return outcomeOf(error.message);
    throw error;
  }
}
