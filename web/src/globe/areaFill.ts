/** A filled area on the ground. */
import {
  type Color,
  ColorGeometryInstanceAttribute,
  GeometryInstance,
  PerInstanceColorAppearance,
  PolygonGeometry,
  PolygonHierarchy,
  Primitive,
  type Scene,
} from "@cesium/engine";
import { ringPoints } from "./places";

export class AreaFill {
  readonly #primitive: Primitive;

  constructor(private readonly scene: Scene, ring: readonly (readonly number[])[], fill: Color) {
    const geometry = new PolygonGeometry({
      polygonHierarchy: new PolygonHierarchy(ringPoints(ring.slice(0, -1))),
      vertexFormat: PerInstanceColorAppearance.FLAT_VERTEX_FORMAT,
    });
    this.#primitive = scene.primitives.add(
      new Primitive({
        geometryInstances: new GeometryInstance({
          geometry,
          attributes: { color: ColorGeometryInstanceAttribute.fromColor(fill) },
        }),
        appearance: new PerInstanceColorAppearance({ flat: true, translucent: true }),
        asynchronous: false,
        allowPicking: false,
      }),
      0,
    );
  }

  end(): void {
    this.scene.primitives.remove(this.#primitive);
  }
}
