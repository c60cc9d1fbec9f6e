/* A boundary mesh from what app/mesh.py packed: triangles as cells and ways to join a cell's edges, vertices as places
 * along grid edges. Which edges are met, and so the numbers of the vertices, follows from the triangles. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const INSIDE = 3;

  /** x, y, z, i, j, k and intensity of a folded mesh. */
  parts.unfolded = ({ low, step, side, places, ways, cell, way, place, tone }) => {
    const [cells, kinds] = [numbers(cell), numbers(way)];
    const corners = [16, 8, 4]; // bits that lead to the upper end of a cell's side, and what they add to a node's number
    const ahead = (corner) => (corner & corners[0] ? side * side : 0) + (corner & corners[1] ? side : 0) + (corner & corners[2] ? 1 : 0);
    const keys = Array.from({ length: 32 }, (_, corner) => 4 * ahead(corner) + (corner & 3));
    const faces = ["i", "j", "k"].map(() => new Uint32Array(cells.length));
    const number = zeros(4 * side * side * side);
    for (let face = 0, at = 0; face < cells.length; face++) {
      at += 4 * cells[face];
      const joined = ways[kinds[face]];
      number[(faces[0][face] = at + keys[joined >> 10])] = 1;
      number[(faces[1][face] = at + keys[(joined >> 5) & 31])] = 1;
      number[(faces[2][face] = at + keys[joined & 31])] = 1;
    }
    const met = [];
    for (let key = 0; key < number.length; key++) if (number[key]) number[key] = met.push(key) - 1;
    const Short = met.length < 65536 ? Uint16Array : Uint32Array; // a page keeps hundreds of them
    const [i, j, k] = faces.map((keysOf) => {
      const list = new Short(keysOf.length);
      for (let face = 0; face < list.length; face++) list[face] = number[keysOf[face]];
      return list;
    });
    const columns = [0, 1, 2].map(() => new Float32Array(met.length));
    const along = numbers(place);
    for (let vertex = 0, at = 0; vertex < met.length; vertex++) {
      const [node, axis] = [met[vertex] >> 2, met[vertex] & 3];
      const corner = [Math.floor(node / (side * side)), Math.floor(node / side) % side, node % side];
      for (let a = 0; a < 3; a++) {
        const share = axis === a || axis === INSIDE ? along[at++] / places : 0;
        columns[a][vertex] = low[a] + (corner[a] + share) * step[a];
      }
    }
    const [x, y, z] = columns;
    return { x, y, z, i, j, k, intensity: tone ?? z };
  };

  // The same memory every time: new megabytes for each frame would keep the garbage collector busy while playing.
  let scratch = new Uint32Array(0);
  function zeros(length) {
    if (scratch.length < length) scratch = new Uint32Array(length);
    return scratch.subarray(0, length).fill(0);
  }

  /** Letters # to ~ without the backslash: 64 end a number, the other 27 are lower digits of a larger one. */
  function numbers(letters) {
    const out = new Uint32Array(letters.length);
    let count = 0;
    for (let at = 0, value = 0, worth = 1; at < letters.length; at++) {
      const code = letters.charCodeAt(at);
      const digit = code - (code > 92 ? 36 : 35);
      if (digit < 64) {
        out[count++] = value + worth * digit;
        value = 0;
        worth = 1;
      } else {
        value += worth * (digit - 64);
        worth *= 27;
      }
    }
    return out.subarray(0, count);
  }
})();
