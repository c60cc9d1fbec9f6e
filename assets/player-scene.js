/* The one place that touches plotly.js internals: new data into a live 3-D scene without restyle.
 *
 * Plotly's public calls take 25 - 80 ms of main thread a frame and pull the camera back while the viewer drags
 * (plotly.js bug 6359). Here a mesh goes straight into its GL buffers; other traces through their own update().
 * Written for plotly.js 4.1. Everything private is looked for before use: if it is not there, the caller uses restyle.
 */
(() => {
  const parts = (window.dimpleParts ??= {});

  const BUFFERS = ["trianglePositions", "triangleColors", "triangleUVs", "triangleNormals", "triangleIds"];

  /** The live scene of a plot, or null where this plotly has other insides. */
  function liveScene(gd) {
    const scene = gd?._fullLayout?.scene?._scene;
    const usable = typeof scene?.glplot?.redraw === "function" && Array.isArray(scene.glplot.objects) && scene.traces;
    return usable && Array.isArray(scene.dataScale) ? scene : null;
  }

  /** Has plotly found no graphics to draw this 3-D plot with? */
  const blind = (gd) => Boolean(gd.querySelector(".no-webgl"));

  /** Are the graphics of a live scene lost? Plotly may not know yet, and would throw: it compiles shaders while it draws. */
  const lost = (gd) => Boolean(liveScene(gd)?.glplot.gl?.isContextLost());

  /** Calls told() when the graphics of a live scene are. Plotly itself would look in every frame, without an end, whether they are back. */
  function watch(gd, told) {
    const scene = liveScene(gd);
    if (typeof scene?.recoverContext === "function") scene.recoverContext = told;
  }

  /** Can `partial` go into the live trace of `full`? Changes of kind or visibility need plotly's own way. */
  function takes(scene, full, partial) {
    const live = scene.traces[full?.uid];
    if (typeof live?.update !== "function" || !full._input) return false;
    if (partial.type !== undefined && partial.type !== full.type) return false;
    return partial.visible === undefined || partial.visible === full.visible;
  }

  /** Copies a frame's partial trace into a trace, nested attributes one by one (line.color must not drop line.width). */
  function merge(target, partial) {
    for (const [key, value] of Object.entries(partial)) {
      if (key === "type") continue;
      if (parts.isPlain(value) && parts.isPlain(target[key])) merge(target[key], value);
      else target[key] = value;
    }
  }

  /** Puts the partial traces into the live scene and draws it. False if nothing was done: use restyle. */
  function applyLive(gd, traces, data) {
    const scene = liveScene(gd);
    if (!scene || !traces.every((index, at) => takes(scene, gd._fullData[index], data[at]))) return false;
    traces.forEach((index, at) => {
      const full = gd._fullData[index];
      merge(full, data[at]);
      // plotly redraws from gd.data on resize or a change of colours: it must find this frame there
      merge(gd.data[index], data[at]);
      if (full.type === "scatter3d") full._length = full.x.length;
      const live = scene.traces[full.uid];
      if (!(full.type === "mesh3d" && uploadMesh(live, full, scene.dataScale))) live.update(full);
    });
    return true;
  }

  const nothing = () => null;

  /** Draws now. Without `pick` the hover buffers stay stale: reading them back stalls the main thread. */
  function redraw(gd, pick) {
    const scene = liveScene(gd);
    if (!scene || lost(gd)) return;
    for (const object of scene.glplot.objects) {
      object.dirty = pick;
      // a stale hover buffer names triangles that are no longer there
      object.pick = pick ? Object.getPrototypeOf(object).pick : nothing;
    }
    scene.glplot.redraw();
  }

  /** While quiet() holds, turning the camera does not redraw the hover buffers either: dragging stays smooth. */
  function quieten(gd, quiet) {
    const plot = liveScene(gd)?.glplot;
    const tick = plot?.camera?.tick;
    if (typeof tick !== "function" || tick.quieted) return;
    let inside = false;
    plot.camera.tick = function () {
      const moved = tick.call(this);
      if (!moved || !quiet()) return moved;
      // plotly takes "moved" as an order for picture and hover buffers; redraw() orders the picture alone
      if (!inside) {
        inside = true;
        plot.redraw();
        inside = false;
      }
      return false;
    };
    plot.camera.tick.quieted = true;
  }

  /** Plotly drops the grid lines' shader with the lines, at every new scene, and compiles it again: one set is kept. */
  function keepShader(gd) {
    const plot = liveScene(gd)?.glplot;
    const lines = plot?.axes?._lines;
    if (typeof lines?.dispose !== "function" || plot.kept) return;
    plot.kept = lines;
    lines.dispose = nothing;
  }

  /** Plotly shrinks marks by GL pixels a page pixel where their kind appears in a scene that is already drawn. */
  function keepSizes(gd) {
    const marks = liveScene(gd)?.glplot.objects.find((object) => object.glyphBuffer);
    const kind = marks && Object.getPrototypeOf(marks);
    if (typeof kind?.update !== "function" || kind.sized) return;
    const update = kind.update;
    kind.sized = true;
    kind.update = function (...given) {
      this.pixelRatio = 1; // until it is drawn
      return update.apply(this, given);
    };
  }

  /** Fills the GL buffers of a mesh coloured by vertex intensity. False if it is another kind of mesh. */
  function uploadMesh(live, full, scale) {
    const mesh = live.mesh;
    const wanted = full.i?.length && full.intensity && full.intensitymode !== "cell" && !full.flatshading;
    if (!wanted || !BUFFERS.every((name) => typeof mesh?.[name]?.update === "function")) return false;
    if (!ArrayBuffer.isView(full.x) || full.cmin === undefined || full.cmax === undefined) return false;
    const points = scaled(full, scale);
    const corners = cornersOf(full);
    const buffers = trianglesOf(points, corners, full.intensity, full.cmin, full.cmax);
    BUFFERS.forEach((name) => mesh[name].update(buffers[name]));
    mesh.triangleCount = corners.length / 3;
    mesh.edgeCount = mesh.pointCount = 0;
    mesh.intensity = full.intensity;
    mesh.bounds = buffers.bounds;
    mesh.dirty = true;
    live.data = full;
    onDemand(mesh, "positions", () => rows(points));
    onDemand(mesh, "cells", () => rows(corners));
    return true;
  }

  /** (3 V) vertex coordinates in the scene's own scale. */
  function scaled({ x, y, z }, [sx, sy, sz]) {
    const out = new Float32Array(3 * x.length);
    for (let v = 0, at = 0; v < x.length; v++) {
      out[at++] = x[v] * sx;
      out[at++] = y[v] * sy;
      out[at++] = z[v] * sz;
    }
    return out;
  }

  function cornersOf({ i, j, k }) {
    const out = new Uint32Array(3 * i.length);
    for (let face = 0, at = 0; face < i.length; face++) {
      out[at++] = i[face];
      out[at++] = j[face];
      out[at++] = k[face];
    }
    return out;
  }

  // Memory that every upload fills anew: megabytes a frame would keep the garbage collector busy.
  const scratch = {};
  function reused(name, length) {
    if (!(scratch[name]?.length >= length)) scratch[name] = new (name === "triangleIds" ? Uint32Array : Float32Array)(2 * length);
    return scratch[name].subarray(0, length);
  }

  /** What gl-mesh3d keeps per triangle corner; corners in its order (last first). To be used before the next call. */
  function trianglesOf(points, corners, intensity, low, high) {
    const normals = vertexNormals(points, corners);
    const count = corners.length;
    const out = {
      trianglePositions: reused("trianglePositions", 3 * count),
      triangleNormals: reused("triangleNormals", 3 * count),
      triangleColors: reused("triangleColors", 4 * count).fill(1),
      triangleUVs: reused("triangleUVs", 2 * count),
      triangleIds: reused("triangleIds", count),
      bounds: [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]],
    };
    const span = high - low || 1;
    for (let at = 0; at < count; at++) {
      const face = (at / 3) | 0;
      const vertex = corners[6 * face + 2 - at];
      for (let axis = 0; axis < 3; axis++) {
        const value = points[3 * vertex + axis];
        out.trianglePositions[3 * at + axis] = value;
        out.triangleNormals[3 * at + axis] = normals[3 * vertex + axis];
        if (value < out.bounds[0][axis]) out.bounds[0][axis] = value;
        if (value > out.bounds[1][axis]) out.bounds[1][axis] = value;
      }
      out.triangleUVs[2 * at] = (intensity[vertex] - low) / span;
      out.triangleIds[at] = face;
    }
    return out;
  }

  /** Unit normals (3 V): at each corner the cross product of its two unit edges, summed over the faces of a vertex. */
  function vertexNormals(points, corners) {
    const sum = reused("normals", points.length).fill(0);
    for (let at = 0; at < corners.length; at += 3) {
      for (let corner = 0; corner < 3; corner++) {
        const here = 3 * corners[at + corner];
        const before = 3 * corners[at + ((corner + 2) % 3)];
        const after = 3 * corners[at + ((corner + 1) % 3)];
        const ax = points[before] - points[here];
        const ay = points[before + 1] - points[here + 1];
        const az = points[before + 2] - points[here + 2];
        const bx = points[after] - points[here];
        const by = points[after + 1] - points[here + 1];
        const bz = points[after + 2] - points[here + 2];
        const lengths = (ax * ax + ay * ay + az * az) * (bx * bx + by * by + bz * bz);
        if (!(lengths > 1e-18)) continue;
        const weight = 1 / Math.sqrt(lengths);
        sum[here] += weight * (by * az - bz * ay);
        sum[here + 1] += weight * (bz * ax - bx * az);
        sum[here + 2] += weight * (bx * ay - by * ax);
      }
    }
    for (let at = 0; at < sum.length; at += 3) {
      const length = Math.hypot(sum[at], sum[at + 1], sum[at + 2]) || 1;
      sum[at] /= length;
      sum[at + 1] /= length;
      sum[at + 2] /= length;
    }
    return sum;
  }

  /** A property computed when first read: only hovering needs it, playing does not. */
  function onDemand(object, name, make) {
    let value;
    Object.defineProperty(object, name, {
      configurable: true,
      enumerable: true,
      get: () => (value ??= make()),
      set: (given) => (value = given),
    });
  }

  const rows = (flat) => Array.from({ length: flat.length / 3 }, (_, row) => flat.subarray(3 * row, 3 * row + 3));

  /** Is WebGL drawn by the processor? */
  function software() {
    const gl = document.createElement("canvas").getContext("webgl");
    const info = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    return /swiftshader|llvmpipe|software|basic render/i.test(name);
  }

  // Plotly always asks for four samples a pixel, which takes a processor up to as long again as the picture itself. More
  // pixels in their place, scaled down by the browser, look as smooth and take it a tenth longer.
  const FINER = 1.5;
  const slow = software();
  if (slow) {
    const context = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, wishes) {
      return context.call(this, kind, kind.startsWith("webgl") ? { ...wishes, antialias: false } : wishes);
    };
  }

  /** GL pixels a page pixel. */
  const fineness = () => (slow ? Math.max(FINER, window.devicePixelRatio) : 2);

  /** The camera as plotly writes it, or null in 2-D. */
  const camera = (gd) => liveScene(gd)?.getCamera?.() ?? null;

  /** Where a place of the scene is on the screen, in page pixels; null in 2-D. */
  function onScreen(gd, place) {
    const scene = liveScene(gd);
    const { model, view, projection } = scene?.glplot.cameraParams ?? {};
    if (!projection) return null;
    const times = (m, v) => [0, 1, 2, 3].map((row) => v.reduce((sum, value, at) => sum + m[4 * at + row] * value, 0));
    const start = [...place.map((value, axis) => value * scene.dataScale[axis]), 1];
    const [x, y, , w] = [model, view, projection].reduce((v, m) => times(m, v), start);
    const box = scene.glplot.canvas.getBoundingClientRect();
    return { x: box.left + ((1 + x / w) / 2) * box.width, y: box.top + ((1 - y / w) / 2) * box.height };
  }

  /** Looks from `view` ({eye, center, up}) without telling plotly: for turning pictures, not for the viewer. */
  function lookFrom(gd, { eye, center, up }) {
    liveScene(gd)?.camera?.lookAt?.([eye.x, eye.y, eye.z], [center.x, center.y, center.z], [up.x, up.y, up.z]);
  }

  /** GL pixels for captures with `ratio` pixels a page pixel, as far as the graphics allow. Returns what takes them back. */
  function sharpen(gd, ratio) {
    const plot = liveScene(gd)?.glplot;
    const before = plot?.pixelRatio;
    const most = plot?.gl.getParameter(plot.gl.MAX_RENDERBUFFER_SIZE) / Math.max(gd.clientWidth, gd.clientHeight);
    const set = (value) => {
      plot.pixelRatio = value;
      window.dispatchEvent(new Event("resize")); // gl-plot3d listens and gives its canvas the new size
      redraw(gd, false);
    };
    const wanted = Math.min(slow ? FINER * ratio : ratio, most);
    if (!(wanted > before)) return () => {};
    set(wanted);
    return () => set(before);
  }

  /** The GL canvas, valid only in the same task as redraw(). */
  const canvas = (gd) => liveScene(gd)?.glplot.canvas ?? null;

  parts.scene = { applyLive, blind, lost, watch, redraw, quieten, keepShader, keepSizes, fineness, camera, onScreen, lookFrom, sharpen, canvas };
})();
