/* What a picture says of itself inside the file: comment block of a GIF, text chunks of a PNG. */
(() => {
  const parts = (window.dimpleParts ??= {});

  /** Exhibit, world, seed, versions of the run on show, the link of what is seen, and the time now. */
  parts.provenance = (player) => ({ ...player.provenance, link: `?${player.share()}`, date: new Date().toISOString() });

  const ascii = (text) => Uint8Array.from(text, (sign) => Math.min(sign.charCodeAt(0), 126));

  /** The bytes of a GIF comment extension: blocks of up to 255 bytes, each after its length. */
  parts.gifComment = (about) => {
    const text = ascii(JSON.stringify(about));
    const out = [0x21, 0xfe];
    for (let at = 0; at < text.length; at += 255) out.push(Math.min(255, text.length - at), ...text.subarray(at, at + 255));
    return [...out, 0];
  };

  /** The PNG blob with one tEXt chunk an entry, right after its header (8 bytes of signature, 25 of IHDR). */
  parts.pngText = async (blob, about) => {
    const chunks = Object.entries(about).map(([name, text]) => chunk(ascii(`tEXt${name}\0${text}`)));
    return new Blob([blob.slice(0, 33), ...chunks, blob.slice(33)], { type: "image/png" });
  };

  /** A PNG chunk: length of the data without its four-letter type, type and data, checksum. */
  function chunk(body) {
    const out = new DataView(new ArrayBuffer(body.length + 8));
    out.setUint32(0, body.length - 4);
    body.forEach((byte, at) => out.setUint8(4 + at, byte));
    out.setUint32(4 + body.length, crc32(body));
    return out.buffer;
  }

  function crc32(bytes) {
    let sum = ~0;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
  }
})();
