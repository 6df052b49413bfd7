/** Field numbers of OTLP's ExportTraceServiceRequest on the way to a span: resource_spans, scope_spans, spans. */
const PATH = [1, 2, 2];
const LENGTH_DELIMITED = 2;

/** How many spans an OTLP request in protobuf has, without decoding them: the receiver shall cost this machine little. */
export function countSpans(message: Uint8Array, depth = 0): number {
  let count = 0;
  for (let offset = 0; offset < message.length;) {
    const tag = readVarint(message, offset);
    const isOnPath = tag.value >> 3 === PATH[depth];
    const type = tag.value & 7;
    if (type !== LENGTH_DELIMITED) throw new TypeError(`a field of type ${type} in a request of OTLP`);
    const length = readVarint(message, tag.end);
    const end = length.end + length.value;
    if (isOnPath) count += depth === PATH.length - 1 ? 1 : countSpans(message.subarray(length.end, end), depth + 1);
    offset = end;
  }
  return count;
}

function readVarint(bytes: Uint8Array, offset: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[offset] ?? 0;
    offset += 1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: offset };
  }
}
