/** Degrees and metres to what the globe draws. */
import { Cartesian3, Cartographic, Color, type MapProjection } from "@cesium/engine";
import type { Ellipse, Path, Polygon } from "../api/contract";

const EARTH_RADIUS_M = 6_371_000;
const RADIANS = Math.PI / 180;

/** Marks on the ground stand this high, so that the curve of the Earth between two points hides none. */
export const GROUND_M = 0;

export function at(longitude_deg: number, latitude_deg: number, height_m: number): Cartesian3 {
  return Cartesian3.fromDegrees(longitude_deg, latitude_deg, height_m);
}

const lying = new Cartographic();

/** Where a place (rad) lies on the map: Cesium has it in its second and third coordinate. */
export function onMap(projection: MapProjection, longitude: number, latitude: number, result: Cartesian3): Cartesian3 {
  Cartographic.fromRadians(longitude, latitude, 0, lying);
  const { x, y } = projection.project(lying, result);
  return Cartesian3.fromElements(0, x, y, result);
}

/** The first to the last place of a path; at most `greatest` of them, its ends among these. */
export function pathPoints(path: Path, greatest: number): Cartesian3[] {
  const count = path.time_ms.length;
  const step = Math.max(1, Math.ceil(count / greatest));
  const points: Cartesian3[] = [];
  for (let i = 0; i < count; i += step) points.push(placeOf(path, i));
  if (count > 1 && (count - 1) % step !== 0) points.push(placeOf(path, count - 1));
  return points;
}

/**
 * The same line with a power of two of places, some of its pieces cut in two: a line that grows by
 * a place each second keeps its buffers, as Cesium makes all anew when the number of places changes.
 */
export function padded(places: readonly Cartesian3[]): Cartesian3[] {
  const pieces = places.length - 1;
  if (pieces < 1) return [...places];
  const more = 2 ** Math.ceil(Math.log2(places.length)) - places.length;
  const found: Cartesian3[] = [places[0]!];
  for (let i = 0; i < pieces; i += 1) {
    const cuts = Math.floor((more * (i + 1)) / pieces) - Math.floor((more * i) / pieces);
    for (let k = 1; k <= cuts; k += 1) found.push(Cartesian3.lerp(places[i]!, places[i + 1]!, k / (cuts + 1), new Cartesian3()));
    found.push(places[i + 1]!);
  }
  return found;
}

function placeOf(path: Path, i: number): Cartesian3 {
  return at(path.longitude_deg[i]!, path.latitude_deg[i]!, Math.max(0, path.height_m[i]!));
}

/**
 * Longitude and latitude in degrees around a 95 % ellipse, closed. A small circle of the sphere for
 * each point: right to a part in a thousand up to some 500 km.
 */
export function ellipseRing(
  longitude_deg: number,
  latitude_deg: number,
  ellipse: Ellipse,
  points = 48,
): [number, number][] {
  const ring: [number, number][] = [];
  const azimuth = ellipse.azimuth_deg * RADIANS;
  for (let i = 0; i <= points; i += 1) {
    const turn = (2 * Math.PI * i) / points;
    const along = ellipse.semi_major_m * Math.cos(turn);
    const across = ellipse.semi_minor_m * Math.sin(turn);
    const bearing = azimuth + Math.atan2(across, along);
    ring.push(reached(longitude_deg, latitude_deg, bearing, Math.hypot(along, across)));
  }
  return ring;
}

/** Where one comes to from a place along a great circle of the sphere; bearing in rad from north. */
export function reached(
  longitude_deg: number,
  latitude_deg: number,
  bearing: number,
  distance_m: number,
): [number, number] {
  const arc = distance_m / EARTH_RADIUS_M;
  const latitude = latitude_deg * RADIANS;
  const sinLat = Math.sin(latitude) * Math.cos(arc) + Math.cos(latitude) * Math.sin(arc) * Math.cos(bearing);
  const east = Math.sin(bearing) * Math.sin(arc) * Math.cos(latitude);
  const north = Math.cos(arc) - Math.sin(latitude) * sinLat;
  return [longitude_deg + Math.atan2(east, north) / RADIANS, Math.asin(sinLat) / RADIANS];
}

export function ringPoints(ring: readonly (readonly number[])[], height_m = GROUND_M): Cartesian3[] {
  return ring.map(([longitude = 0, latitude = 0]) => at(longitude, latitude, height_m));
}

export function areaRing(area: Polygon): number[][] {
  return area.coordinates[0] ?? [];
}

const colours = new Map<string, Color>();

/** The colour of a CSS string, with an opacity. One object for each: Cesium copies what it takes. */
export function colour(css: string, opacity = 1): Color {
  const key = `${css}/${opacity}`;
  let found = colours.get(key);
  if (!found) colours.set(key, (found = Color.fromCssColorString(css).withAlpha(opacity)));
  return found;
}
