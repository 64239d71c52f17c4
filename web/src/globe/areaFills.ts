/** Filled areas on the ground, all drawn at once: one that shrinks each second writes its triangles anew. */
import {
  BoundingSphere,
  Cartesian3,
  type Color,
  Ellipsoid,
  EncodedCartesian3,
  type FrameState,
  type MapProjection,
  Pass,
  PolygonGeometry,
  PolygonHierarchy,
  type Scene,
  SceneMode,
  VertexFormat,
} from "@cesium/engine";
import { DrawnRows } from "./drawnRows";
import { onMap, ringPoints } from "./places";

/** A corner: its place in two floats for each coordinate, as Cesium splits them, and its colour. */
const FLOATS = 10;
const CORNERS = 3;
const FIRST_ROOM = 512;

const VERTEX = `
in vec3 high;
in vec3 low;
in vec4 fill;
out vec4 v_fill;
void main() {
  v_fill = fill;
  gl_Position = czm_projection * czm_modelViewRelativeToEye * czm_translateRelativeToEye(high, low);
}`;
const FRAGMENT = `
in vec4 v_fill;
void main() {
  out_FragColor = v_fill;
}`;
const COLUMNS = [
  { name: "high", count: 3, first: 0 },
  { name: "low", count: 3, first: 3 },
  { name: "fill", count: 4, first: 6 },
];

type Ring = readonly (readonly number[])[];

interface Area {
  ring: Ring;
  fill: Color;
  /** Three numbers a corner, three corners a triangle; m. */
  corners: Float64Array;
}

export class AreaFills {
  readonly #areas = new Map<string, Area>();
  readonly #projection: MapProjection;
  // Not among what is sorted by distance: areas lie beneath all lines and symbols.
  readonly #rows = new DrawnRows({ owner: this, floats: FLOATS, columns: COLUMNS, vertex: VERTEX, fragment: FRAGMENT, pass: Pass.OPAQUE });
  #flat = false;
  #changed = false;
  #corners = 0;
  #around = new BoundingSphere();

  constructor(scene: Scene) {
    this.#projection = scene.mapProjection;
    scene.primitives.add(this);
  }

  /** An area by its name, in place of the one that had it. Longitude and latitude in degrees, closed. */
  put(name: string, ring: Ring, fill: Color): void {
    const before = this.#areas.get(name);
    const same = before !== undefined && sameRing(before.ring, ring);
    if (same && before.fill.equals(fill)) return;
    this.#areas.set(name, { ring, fill: fill.clone(), corners: same ? before.corners : triangles(ring) });
    this.#changed = true;
  }

  remove(name: string): void {
    if (this.#areas.delete(name)) this.#changed = true;
  }

  /** All but these go. */
  keep(names: ReadonlySet<string>): void {
    for (const name of [...this.#areas.keys()]) if (!names.has(name)) this.remove(name);
  }

  /** Called by Cesium for each frame. */
  update(frame: FrameState): void {
    if (!frame.passes.render) return;
    const flat = frame.mode === SceneMode.SCENE2D;
    if (this.#changed || flat !== this.#flat) {
      this.#flat = flat;
      this.#write();
      this.#changed = false;
    }
    if (this.#corners > 0) this.#rows.draw(frame, this.#corners, this.#around);
  }

  isDestroyed(): boolean {
    return false;
  }

  destroy(): void {
    this.#rows.destroy();
  }

  #write(): void {
    const values: number[] = [];
    const places: Cartesian3[] = [];
    for (const { corners, fill } of this.#areas.values()) {
      for (let i = 0; i < corners.length; i += 3 * CORNERS) {
        const triangle = [0, 3, 6].map((k) => new Cartesian3(corners[i + k], corners[i + k + 1], corners[i + k + 2]));
        for (const lying of this.#flat ? this.#onMap(triangle) : [triangle]) {
          for (const place of lying) {
            const { high, low } = EncodedCartesian3.fromCartesian(place, encoded);
            values.push(high.x, high.y, high.z, low.x, low.y, low.z, fill.red, fill.green, fill.blue, fill.alpha);
            places.push(place);
          }
        }
      }
    }
    this.#corners = places.length;
    if (this.#corners === 0) return;
    if (values.length > this.#rows.data.length) this.#rows.makeRoom(Math.max(FIRST_ROOM, 2 * this.#corners));
    this.#rows.data.set(values);
    this.#rows.written();
    BoundingSphere.fromPoints(places, this.#around);
  }

  /** What crosses the map's edge is drawn at both of its sides. */
  #onMap(triangle: Cartesian3[]): Cartesian3[][] {
    const places = triangle.map((place) => Ellipsoid.WGS84.cartesianToCartographic(place));
    const first = places[0]!.longitude;
    let beyond = 0;
    const lying = places.map(({ longitude, latitude }) => {
      const whole = longitude + 2 * Math.PI * Math.round((first - longitude) / (2 * Math.PI));
      if (Math.abs(whole) > Math.PI) beyond = Math.sign(whole);
      return onMap(this.#projection, whole, latitude, new Cartesian3());
    });
    if (beyond === 0) return [lying];
    const turn = -beyond * 2 * Math.PI * Ellipsoid.WGS84.maximumRadius;
    return [lying, lying.map(({ x, y, z }) => new Cartesian3(x, y + turn, z))];
  }
}

const encoded = new EncodedCartesian3();

function sameRing(one: Ring, other: Ring): boolean {
  return one === other || (one.length === other.length && one.every((place, i) => place[0] === other[i]![0] && place[1] === other[i]![1]));
}

/** A ring's area as triangles that follow the ground; none of what encloses nothing. */
function triangles(ring: Ring): Float64Array {
  const polygonHierarchy = new PolygonHierarchy(ringPoints(ring.slice(0, -1)));
  const geometry = PolygonGeometry.createGeometry(new PolygonGeometry({ polygonHierarchy, vertexFormat: VertexFormat.POSITION_ONLY }));
  const places = geometry?.attributes.position?.values;
  const corners = geometry?.indices;
  if (!places || !corners) return new Float64Array(0);
  const found = new Float64Array(corners.length * 3);
  corners.forEach((corner, i) => {
    for (let k = 0; k < 3; k += 1) found[3 * i + k] = Number(places[3 * corner + k]);
  });
  return found;
}
