/** Slots of a Redis Cluster. */
export const SLOTS = 16_384;

const CRC_16: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

/** The slot of all keys with this hash tag, which is ASCII: CRC-16/XMODEM, as the cluster's specification has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let at = 0; at < tag.length; at++) crc = ((crc << 8) & 0xffff) ^ CRC_16[(crc >> 8) ^ tag.charCodeAt(at)]!;
  return crc % SLOTS;
}
