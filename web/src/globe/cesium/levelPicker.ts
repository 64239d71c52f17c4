/** In place of Cesium's search for where a ray meets the ground, which runs in a worker: it is level. */
import { type Cartesian3, Ellipsoid, IntersectionTests, Ray, SceneMode } from "@cesium/engine";

export default class LevelPicker {
  needsRebuild = false;

  rayIntersect(ray: Ray, _transform: unknown, _cull: boolean, mode: SceneMode): Cartesian3 | undefined {
    if (mode !== SceneMode.SCENE3D) return undefined;
    const met = IntersectionTests.rayEllipsoid(ray, Ellipsoid.WGS84);
    return met ? Ray.getPoint(ray, met.start) : undefined;
  }
}
