/** Outlines of land, drawn on canvas tiles: crisp at every height, and nothing is asked of a network. */
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import type { MultiLineString, MultiPolygon, Polygon, Position } from "geojson";

export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** A ring or line: `points` are longitude, latitude in degrees, one after another, without leaps. */
export interface Outline extends Box {
  points: Float64Array;
}

export interface Land {
  /** Rings of one polygon each; holes are further rings of it. */
  polygons: { rings: Outline[]; box: Box }[];
  borders: Outline[];
}

export interface LandColours {
  sea: string;
  land: string;
  coast: string;
  border: string;
  grid: string;
}

type Atlas = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** What world-atlas holds, ready to be drawn. */
export function landFrom(atlas: Atlas): Land {
  const polygons: Land["polygons"] = [];
  for (const shape of feature(atlas, atlas.objects.land).features) {
    const geometry = shape.geometry as Polygon | MultiPolygon;
    const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    for (const part of parts) {
      const rings = part.map((ring) => outline(unwrapped(ring, true)));
      polygons.push({ rings, box: boxOf(rings) });
    }
  }
  const lines: MultiLineString = mesh(atlas, atlas.objects.countries, (a, b) => a !== b);
  const borders = lines.coordinates.map((line) => outline(unwrapped(line, false)));
  return { polygons, borders };
}

/**
 * Longitudes without leaps at ±180°. A ring that goes round the whole Earth (Antarctica) is closed
 * over the pole that it holds.
 */
export function unwrapped(line: Position[], ring: boolean): [number, number][] {
  const points: [number, number][] = [];
  let offset = 0;
  let before: number | undefined;
  for (const [longitude = 0, latitude = 0] of line) {
    if (before !== undefined) {
      if (longitude - before > 180) offset -= 360;
      else if (longitude - before < -180) offset += 360;
    }
    before = longitude;
    points.push([longitude + offset, latitude]);
  }
  const first = points[0];
  const last = points[points.length - 1];
  if (ring && first && last && Math.abs(last[0] - first[0]) > 180) {
    const pole = last[1] < 0 ? -90 : 90;
    points.push([last[0], pole], [first[0], pole]);
  }
  return points;
}

function outline(points: [number, number][]): Outline {
  const box = { west: Infinity, south: Infinity, east: -Infinity, north: -Infinity };
  for (const [longitude, latitude] of points) {
    box.west = Math.min(box.west, longitude);
    box.east = Math.max(box.east, longitude);
    box.south = Math.min(box.south, latitude);
    box.north = Math.max(box.north, latitude);
  }
  return { points: Float64Array.from(points.flat()), ...box };
}

function boxOf(rings: Outline[]): Box {
  const [outer] = rings;
  return outer ?? { west: 0, south: 0, east: 0, north: 0 };
}

function meet(a: Box, b: Box, shift: number): boolean {
  return a.west + shift <= b.east && a.east + shift >= b.west && a.south <= b.north && a.north >= b.south;
}

/**
 * The part of a ring within a box, edges of the box in place of what is outside (Sutherland and
 * Hodgman 1974). Flat longitude, latitude.
 */
export function clipped(points: ArrayLike<number>, box: Box): number[] {
  let ring = Array.from(points);
  const sides: [0 | 1, number, 1 | -1][] = [
    [0, box.west, 1],
    [0, box.east, -1],
    [1, box.south, 1],
    [1, box.north, -1],
  ];
  for (const [axis, limit, sign] of sides) {
    const kept: number[] = [];
    const count = ring.length / 2;
    for (let i = 0; i < count; i += 1) {
      const j = (i + 1) % count;
      const ax = ring[2 * i]!, ay = ring[2 * i + 1]!, bx = ring[2 * j]!, by = ring[2 * j + 1]!;
      const a = axis === 0 ? ax : ay;
      const b = axis === 0 ? bx : by;
      const aIn = (a - limit) * sign >= 0;
      const bIn = (b - limit) * sign >= 0;
      if (aIn) kept.push(ax, ay);
      if (aIn !== bIn) {
        const t = (limit - a) / (b - a);
        kept.push(ax + t * (bx - ax), ay + t * (by - ay));
      }
    }
    ring = kept;
  }
  return ring;
}

/** Ends of a line's pieces, but for what lies along the poles, where a ring was closed. */
export function pieces({ points }: Outline, ring: boolean): [number, number][] {
  const count = points.length / 2;
  const found: [number, number][] = [];
  for (let i = 0; i < count - (ring ? 0 : 1); i += 1) {
    const j = (i + 1) % count;
    const apart = Math.abs(points[2 * i]! - points[2 * j]!) > 180;
    if (!apart && Math.abs(points[2 * i + 1]!) < 89.9 && Math.abs(points[2 * j + 1]!) < 89.9) found.push([i, j]);
  }
  return found;
}

/** Draw the tile that covers `box` (degrees) onto a canvas; coasts and borders where they are wanted. */
export function drawTile(canvas: HTMLCanvasElement, box: Box, land: Land, colours: LandColours, outlines: boolean): void {
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const { width, height } = canvas;
  const toX = (longitude: number): number => ((longitude - box.west) / (box.east - box.west)) * width;
  const toY = (latitude: number): number => ((box.north - latitude) / (box.north - box.south)) * height;
  const margin = (box.east - box.west) * 0.02;
  const wide = {
    west: box.west - margin,
    east: box.east + margin,
    south: box.south - margin,
    north: box.north + margin,
  };
  context.fillStyle = colours.sea;
  context.fillRect(0, 0, width, height);
  const lines = new Path2D();
  context.beginPath();
  for (const { rings, box: around } of land.polygons) {
    for (const shift of [-360, 0, 360]) {
      if (!meet(around, wide, shift)) continue;
      const moved = { ...wide, west: wide.west - shift, east: wide.east - shift };
      for (const ring of rings) {
        const inside = clipped(ring.points, moved);
        for (let i = 0; i < inside.length; i += 2) {
          const x = toX(inside[i]! + shift);
          const y = toY(inside[i + 1]!);
          if (i === 0) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        context.closePath();
        if (outlines) addLine(lines, ring, wide, shift, toX, toY);
      }
    }
  }
  context.fillStyle = colours.land;
  context.fill("evenodd");
  drawGrid(context, box, toX, toY, colours.grid);
  if (!outlines) return;
  const borders = new Path2D();
  for (const border of land.borders) {
    for (const shift of [-360, 0, 360]) {
      if (meet(border, wide, shift)) addLine(borders, border, wide, shift, toX, toY);
    }
  }
  context.lineJoin = "round";
  context.lineWidth = 1;
  context.strokeStyle = colours.border;
  context.stroke(borders);
  context.lineWidth = 1.4;
  context.strokeStyle = colours.coast;
  context.stroke(lines);
}

function addLine(
  path: Path2D,
  line: Outline,
  box: Box,
  shift: number,
  toX: (longitude: number) => number,
  toY: (latitude: number) => number,
): void {
  const { points } = line;
  let drawing = false;
  for (let i = 2; i < points.length; i += 2) {
    const ax = points[i - 2]! + shift, ay = points[i - 1]!, bx = points[i]! + shift, by = points[i + 1]!;
    const apart =
      (ax < box.west && bx < box.west) || (ax > box.east && bx > box.east) ||
      (ay < box.south && by < box.south) || (ay > box.north && by > box.north) ||
      (ay <= -90 && by <= -90) || (Math.abs(ay) > 89.9 || Math.abs(by) > 89.9);
    if (apart) {
      drawing = false;
      continue;
    }
    if (!drawing) path.moveTo(toX(ax), toY(ay));
    path.lineTo(toX(bx), toY(by));
    drawing = true;
  }
}

function drawGrid(
  context: CanvasRenderingContext2D,
  box: Box,
  toX: (longitude: number) => number,
  toY: (latitude: number) => number,
  colour: string,
): void {
  const step = box.east - box.west > 20 ? 10 : box.east - box.west > 5 ? 5 : 1;
  context.beginPath();
  for (let x = Math.ceil(box.west / step) * step; x <= box.east; x += step) {
    context.moveTo(toX(x), 0);
    context.lineTo(toX(x), context.canvas.height);
  }
  for (let y = Math.ceil(box.south / step) * step; y <= box.north; y += step) {
    context.moveTo(0, toY(y));
    context.lineTo(context.canvas.width, toY(y));
  }
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
}
