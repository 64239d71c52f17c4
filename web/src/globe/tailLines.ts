/**
 * Tails of all tracks, drawn at once from one buffer. A track that moved writes one place into it,
 * not its whole tail: with hundreds of tracks this, and not the drawing, was what frames waited for.
 */
import {
  BoundingSphere,
  Cartesian3,
  Color,
  EncodedCartesian3,
  type FrameState,
  Math as CesiumMath,
  type MapProjection,
  Pass,
  type Scene,
  SceneMode,
} from "@cesium/engine";
import { placeAt, placesOf, TAIL_PLACES, type Tail } from "../picture/tails";
import { DrawnRows } from "./drawnRows";
import { onMap } from "./places";

/** A place in two floats for each coordinate, as Cesium splits them, with a mark that it is there. */
const FLOATS = 8;
const THERE = 3;
/** Rows of a track: one that stays empty, so that no line leads from one tail to the next, and its places. */
const ROWS = 1 + TAIL_PLACES;
const FIRST_ROOM = 64;
const WIDTH_PX = 1.3;
/** Tails reach no farther from their tracks: a minute at the speed of the fastest. */
const LONGEST_M = 600_000;

const VERTEX = `
in vec2 corner;
in vec4 fromHigh;
in vec3 fromLow;
in vec4 toHigh;
in vec3 toLow;
uniform float u_width;
void main() {
  vec4 a = czm_modelViewRelativeToEye * czm_translateRelativeToEye(fromHigh.xyz, fromLow);
  vec4 b = czm_modelViewRelativeToEye * czm_translateRelativeToEye(toHigh.xyz, toLow);
  float near = -czm_currentFrustum.x;
  // On the map what crosses its edge would lead all across it.
  bool whole = fromHigh.w * toHigh.w > 0.0 && distance(fromHigh.xyz, toHigh.xyz) < 1e7;
  if (!whole || (a.z > near && b.z > near)) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    return;
  }
  if (a.z > near) a = mix(a, b, (a.z - near) / (a.z - b.z));
  if (b.z > near) b = mix(b, a, (b.z - near) / (b.z - a.z));
  vec4 from = czm_projection * a;
  vec4 to = czm_projection * b;
  vec2 along = (to.xy / to.w - from.xy / from.w) * czm_viewport.zw;
  vec2 across = normalize(vec2(-along.y, along.x) + vec2(1e-9, 0.0));
  vec4 place = mix(from, to, corner.x);
  place.xy += corner.y * across * u_width * czm_pixelRatio / czm_viewport.zw * place.w;
  gl_Position = place;
}`;
const FRAGMENT = `
uniform vec4 u_colour;
void main() {
  out_FragColor = u_colour;
}`;
/** A line leads from a row's place to that of the next row. */
const COLUMNS = [
  { name: "fromHigh", count: 4, first: 0 },
  { name: "fromLow", count: 3, first: FLOATS / 2 },
  { name: "toHigh", count: 4, first: FLOATS },
  { name: "toLow", count: 3, first: FLOATS + FLOATS / 2 },
];
const CORNERS = new Float32Array([0, -1, 1, -1, 0, 1, 0, 1, 1, -1, 1, 1]);

interface Slot {
  first: number;
  /** ms: of the newest place that stays where it is, and how many of these are written. */
  kept_ms: number;
  kept: number;
}

export class TailLines {
  readonly #slots = new Map<number, Slot>();
  readonly #free: number[] = [];
  readonly #projection: MapProjection;
  readonly #encoded = new EncodedCartesian3();
  readonly #colour = new Color();
  readonly #rows = new DrawnRows({
    ...{ owner: this, floats: FLOATS, columns: COLUMNS, vertex: VERTEX, fragment: FRAGMENT, pass: Pass.TRANSLUCENT },
    shape: CORNERS,
    uniforms: { u_width: () => WIDTH_PX, u_colour: () => this.#colour },
  });
  #room = 0;
  #flat = false;
  /** Around all heads, to tell Cesium between which distances there is something to draw. */
  #low = new Cartesian3();
  #high = new Cartesian3();

  constructor(scene: Scene) {
    this.#projection = scene.mapProjection;
    scene.primitives.add(this);
  }

  paint(colour: Color): void {
    colour.clone(this.#colour);
  }

  /** Globe or map: all tails are to be given anew, since their places are others. */
  lie(flat: boolean): void {
    if (flat === this.#flat) return;
    this.#flat = flat;
    this.clear();
  }

  /** A track's tail, with its head where the track is now. */
  put(id: number, tail: Tail): void {
    const slot = this.#slots.get(id) ?? this.#take(id);
    const kept = placesOf(tail) - 1;
    const newest_ms = kept > 0 ? placeAt(tail, kept - 1)[3] : 0;
    const last = slot.first + TAIL_PLACES;
    if (newest_ms !== slot.kept_ms) {
      const before = kept > 1 ? placeAt(tail, kept - 2)[3] : 0;
      if (slot.kept > 0 && before === slot.kept_ms) {
        this.#rows.data.copyWithin((slot.first + 1) * FLOATS, (slot.first + 2) * FLOATS, last * FLOATS);
        this.#write(last - 1, tail, kept - 1);
      } else {
        this.#rows.data.fill(0, slot.first * FLOATS, (last + 1) * FLOATS);
        for (let i = 0; i < kept; i += 1) this.#write(last - kept + i, tail, i);
      }
      slot.kept_ms = newest_ms;
      slot.kept = kept;
    }
    this.#write(last, tail, kept);
    this.#rows.written();
  }

  remove(id: number): void {
    const slot = this.#slots.get(id);
    if (!slot) return;
    this.#rows.data.fill(0, slot.first * FLOATS, (slot.first + ROWS) * FLOATS);
    this.#slots.delete(id);
    this.#free.push(slot.first);
    this.#rows.written();
  }

  clear(): void {
    for (const id of [...this.#slots.keys()]) this.remove(id);
    this.#low = new Cartesian3();
    this.#high = new Cartesian3();
  }

  /** Called by Cesium for each frame. */
  update(frame: FrameState): void {
    if (!frame.passes.render || this.#slots.size === 0) return;
    if (frame.mode !== (this.#flat ? SceneMode.SCENE2D : SceneMode.SCENE3D)) return;
    const around = BoundingSphere.fromCornerPoints(this.#low, this.#high);
    around.radius += LONGEST_M;
    // The last place begins no line.
    this.#rows.draw(frame, this.#room * ROWS - 1, around);
  }

  isDestroyed(): boolean {
    return false;
  }

  destroy(): void {
    this.#rows.destroy();
  }

  #take(id: number): Slot {
    if (this.#free.length === 0) this.#grow();
    const slot = { first: this.#free.pop()!, kept_ms: 0, kept: 0 };
    this.#slots.set(id, slot);
    return slot;
  }

  /** Twice the room; what is drawn is made anew for it. */
  #grow(): void {
    const before = this.#room;
    this.#room = Math.max(FIRST_ROOM, 2 * before);
    this.#rows.makeRoom(this.#room * ROWS);
    for (let i = this.#room - 1; i >= before; i -= 1) this.#free.push(i * ROWS);
  }

  #write(at: number, tail: Tail, index: number): void {
    const [longitude, latitude, height] = placeAt(tail, index);
    const place = this.#flat ? onMap(this.#projection, CesiumMath.toRadians(longitude), CesiumMath.toRadians(latitude), scratch) : Cartesian3.fromDegrees(longitude, latitude, Math.max(0, height), undefined, scratch);
    const { high, low } = EncodedCartesian3.fromCartesian(place, this.#encoded);
    const data = this.#rows.data;
    const i = at * FLOATS;
    data[i] = high.x;
    data[i + 1] = high.y;
    data[i + 2] = high.z;
    data[i + THERE] = 1;
    data[i + 4] = low.x;
    data[i + 5] = low.y;
    data[i + 6] = low.z;
    const first = Cartesian3.equals(this.#low, this.#high) && this.#low.x === 0;
    Cartesian3.minimumByComponent(first ? place : this.#low, place, this.#low);
    Cartesian3.maximumByComponent(first ? place : this.#high, place, this.#high);
  }
}

const scratch = new Cartesian3();
