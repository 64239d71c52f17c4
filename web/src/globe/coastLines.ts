/** Coasts and borders as lines: crisp from afar, and there with the first frame. */
import {
  BoundingSphere,
  ColorGeometryInstanceAttribute,
  ComponentDatatype,
  Geometry,
  GeometryAttribute,
  GeometryAttributes,
  GeometryInstance,
  PerInstanceColorAppearance,
  Primitive,
  PrimitiveType,
  type Scene,
} from "@cesium/engine";
import type { Theme } from "../look/theme";
import { type Land, type Outline, pieces } from "./land";
import { at, colour } from "./places";

/** Nearer than this the tiles have finer outlines of their own. */
export const SHOWN_ABOVE_M = 700_000;

export class CoastLines {
  #primitive: Primitive | undefined;

  constructor(private readonly scene: Scene, private readonly land: Land) {}

  paint(theme: Theme): void {
    if (this.#primitive) this.scene.primitives.remove(this.#primitive);
    const coasts = this.land.polygons.flatMap(({ rings }) => rings);
    const geometryInstances = [
      instance(this.land.borders, false, theme.land.border),
      instance(coasts, true, theme.land.coast),
    ];
    this.#primitive = this.scene.primitives.add(
      new Primitive({
        geometryInstances,
        appearance: new PerInstanceColorAppearance({ flat: true, translucent: false }),
        asynchronous: false,
        allowPicking: false,
      }),
      0,
    );
  }

  /** Seen from afar alone. */
  seenFrom(height_m: number): void {
    if (this.#primitive) this.#primitive.show = height_m > SHOWN_ABOVE_M;
  }
}

function instance(lines: readonly Outline[], rings: boolean, css: string): GeometryInstance {
  const positions: number[] = [];
  const indices: number[] = [];
  for (const line of lines) {
    const first = positions.length / 3;
    for (let i = 0; i < line.points.length; i += 2) {
      const { x, y, z } = at(line.points[i]!, line.points[i + 1]!, 0);
      positions.push(x, y, z);
    }
    for (const [from, to] of pieces(line, rings)) indices.push(first + from, first + to);
  }
  const values = Float64Array.from(positions);
  const attributes = new GeometryAttributes();
  attributes.position = new GeometryAttribute({
    componentDatatype: ComponentDatatype.DOUBLE,
    componentsPerAttribute: 3,
    values,
  });
  return new GeometryInstance({
    geometry: new Geometry({
      attributes,
      indices: Uint32Array.from(indices),
      primitiveType: PrimitiveType.LINES,
      boundingSphere: BoundingSphere.fromVertices(positions),
    }),
    attributes: { color: ColorGeometryInstanceAttribute.fromColor(colour(css)) },
  });
}
