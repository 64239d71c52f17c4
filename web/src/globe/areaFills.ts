/**
 * Filled areas on the ground, all drawn at once from one buffer. An area that shrinks each second
 * writes its triangles anew; as a primitive of its own it would have its buffers, its commands and
 * all that follows from these made anew, which took longer than all else in a frame.
 */
import {
  BlendingState,
  BoundingSphere,
  Buffer,
  BufferUsage,
  Cartesian3,
  Cartographic,
  type Color,
  ComponentDatatype,
  DrawCommand,
  Ellipsoid,
  EncodedCartesian3,
  type FrameState,
  type MapProjection,
  Pass,
  PolygonGeometry,
  PolygonHierarchy,
  PrimitiveType,
  RenderState,
  type Scene,
  SceneMode,
  ShaderProgram,
  VertexArray,
  VertexFormat,
} from "@cesium/engine";
import { ringPoints } from "./places";

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
const PARTS = { high: 0, low: 1, fill: 2 };

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
  #flat = false;
  #changed = false;
  #room = 0;
  #corners = 0;
  #buffer: Buffer | undefined;
  #command: DrawCommand | undefined;
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
      this.#write(frame);
      this.#changed = false;
    }
    if (this.#corners > 0 && this.#command) frame.commandList.push(this.#command);
  }

  isDestroyed(): boolean {
    return false;
  }

  destroy(): void {
    this.#command?.vertexArray.destroy();
  }

  #write(frame: FrameState): void {
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
    if (this.#corners > this.#room) {
      this.#command?.vertexArray.destroy();
      this.#room = Math.max(FIRST_ROOM, 2 * this.#corners);
      this.#command = this.#made(frame);
    }
    this.#buffer!.copyFromArrayView(Float32Array.from(values));
    BoundingSphere.fromPoints(places, this.#around);
    this.#command!.boundingVolume = this.#around;
    this.#command!.count = this.#corners;
  }

  /**
   * Cesium's map lies in its second and third coordinate. What crosses the map's edge is drawn at
   * both of its sides.
   */
  #onMap(triangle: Cartesian3[]): Cartesian3[][] {
    const places = triangle.map((place) => Ellipsoid.WGS84.cartesianToCartographic(place));
    const first = places[0]!.longitude;
    let beyond = 0;
    const lying = places.map(({ longitude, latitude }) => {
      const whole = longitude + 2 * Math.PI * Math.round((first - longitude) / (2 * Math.PI));
      if (Math.abs(whole) > Math.PI) beyond = Math.sign(whole);
      const { x, y } = this.#projection.project(new Cartographic(whole, latitude));
      return new Cartesian3(0, x, y);
    });
    if (beyond === 0) return [lying];
    const turn = -beyond * 2 * Math.PI * Ellipsoid.WGS84.maximumRadius;
    return [lying, lying.map(({ x, y, z }) => new Cartesian3(x, y + turn, z))];
  }

  #made({ context }: FrameState): DrawCommand {
    const bytes = Float32Array.BYTES_PER_ELEMENT;
    const typedArray = new Float32Array(this.#room * FLOATS);
    const vertexBuffer = Buffer.createVertexBuffer({ context, typedArray, usage: BufferUsage.DYNAMIC_DRAW });
    this.#buffer = vertexBuffer;
    const part = (name: keyof typeof PARTS, count: number, first: number): object => ({
      index: PARTS[name],
      vertexBuffer,
      componentsPerAttribute: count,
      componentDatatype: ComponentDatatype.FLOAT,
      offsetInBytes: first * bytes,
      strideInBytes: FLOATS * bytes,
    });
    return new DrawCommand({
      owner: this,
      vertexArray: new VertexArray({ context, attributes: [part("high", 3, 0), part("low", 3, 3), part("fill", 4, 6)] }),
      primitiveType: PrimitiveType.TRIANGLES,
      renderState: RenderState.fromCache({ depthTest: { enabled: true }, depthMask: false, blending: BlendingState.ALPHA_BLEND }),
      shaderProgram: ShaderProgram.fromCache({ context, vertexShaderSource: VERTEX, fragmentShaderSource: FRAGMENT, attributeLocations: PARTS }),
      // Not among what is sorted by distance: areas lie beneath all lines and symbols.
      pass: Pass.OPAQUE,
    });
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
