/** The chosen track's covariance as the ellipsoid that holds it with 95 %. */
import {
  ColorGeometryInstanceAttribute,
  EllipsoidGeometry,
  GeometryInstance,
  Matrix3,
  Matrix4,
  Cartesian3,
  PerInstanceColorAppearance,
  Primitive,
  type Scene,
  SceneMode,
  Transforms,
} from "@cesium/engine";
import type { Track } from "../api/contract";
import { HOLDS_95_OF_3 } from "../picture/uncertainty";
import { at, colour } from "./places";

/** Half an axis is drawn at least this long: a pancake seen from its edge must not vanish. */
const LEAST_AXIS_M = 1;

export class EllipsoidMark {
  readonly #primitive: Primitive;

  constructor(private readonly scene: Scene) {
    this.#primitive = scene.primitives.add(
      new Primitive({
        geometryInstances: new GeometryInstance({
          geometry: new EllipsoidGeometry({
            radii: new Cartesian3(1, 1, 1),
            vertexFormat: PerInstanceColorAppearance.VERTEX_FORMAT,
            stackPartitions: 24,
            slicePartitions: 32,
          }),
          attributes: { color: ColorGeometryInstanceAttribute.fromColor(colour("#f0b429", 0.35)) },
        }),
        appearance: new PerInstanceColorAppearance({ translucent: true, closed: true }),
        asynchronous: false,
        allowPicking: false,
        show: false,
      }),
    );
  }

  show(track: Track | undefined): void {
    const visible = track !== undefined && this.scene.mode === SceneMode.SCENE3D;
    this.#primitive.show = visible;
    if (!track || !visible) return;
    const place = at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m));
    const local = Transforms.eastNorthUpToFixedFrame(place);
    this.#primitive.modelMatrix = Matrix4.multiply(local, axesOf(track.covariance_m2), new Matrix4());
  }
}

/** The unit ball to the ellipsoid of a covariance (ee, en, eu, nn, nu, uu in m²). */
function axesOf(covariance_m2: readonly number[]): Matrix4 {
  const [ee = 0, en = 0, eu = 0, nn = 0, nu = 0, uu = 0] = covariance_m2;
  const { unitary, diagonal } = Matrix3.computeEigenDecomposition(new Matrix3(ee, en, eu, en, nn, nu, eu, nu, uu));
  const lengths = [0, 1, 2].map((i) => {
    const variance = Matrix3.getColumn(diagonal as Matrix3, i, new Cartesian3());
    const own = [variance.x, variance.y, variance.z][i]!;
    return Math.max(LEAST_AXIS_M, Math.sqrt(HOLDS_95_OF_3 * Math.max(0, own)));
  });
  const scaled = Matrix3.multiplyByScale(
    unitary as Matrix3,
    new Cartesian3(lengths[0], lengths[1], lengths[2]),
    new Matrix3(),
  );
  return Matrix4.fromRotationTranslation(scaled, Cartesian3.ZERO);
}
