// SPDX-License-Identifier: Apache-2.0

/** Of tetragon.GetEventsResponse. */
const nodeNameField = 1000;

/**
 * Whether `event` has the structure of an encoded tetragon.GetEventsResponse and names `node` or no node.
 * hot: for each event of the relay; reads the outermost fields alone.
 */
export function isEventOf(node: Buffer, event: Uint8Array): boolean {
  const end = event.length;
  let at = 0;
  let value = 0;
  /** Reads past a number and keeps up to 32 bits of it; false if it doesn't end. */
  const number = (): boolean => {
    value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = event[at++];
      if (byte === undefined) return false;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      else if (shift === 28) value += (byte & 0x0f) * 2 ** 28;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (at < end) {
    if (!number()) return false;
    const field = value >>> 3;
    const wireType = value & 7;
    if (field === 0) return false;
    if (wireType === 0) {
      if (!number()) return false;
    } else if (wireType === 2) {
      if (!number() || value > end - at) return false;
      if (field === nodeNameField && node.compare(event, at, at + value) !== 0) return false;
      at += value;
    } else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else return false;
  }
  return at === end;
}
