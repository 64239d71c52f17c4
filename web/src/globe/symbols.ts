/** Standard symbols (MIL-STD-2525D / APP-6D), drawn by milsymbol. */
import ms from "milsymbol";
import type { Flight } from "../api/contract";

/** Live, or the X of an exercise. */
const REALITY = { live: "0", exercise: "1" };
/** Nobody has said whose it is: a desk does not call anything hostile. */
const UNKNOWN = "1";
const FRIEND = "3";

const AIR = "01";
const MISSILE = "02";
const SPACE = "05";
const LAND_EQUIPMENT = "15";

function code(set: string, identity: string, entity: string, exercise: boolean, modifiers = "0000"): string {
  const reality = exercise ? REALITY.exercise : REALITY.live;
  return `10${reality}${identity}${set}0000${entity}${modifiers}`;
}

/** A flight's symbol by what it is. */
export function flightCode(flight: Pick<Flight, "kind">, exercise: boolean): string {
  if (flight.kind === "orbital") return code(SPACE, UNKNOWN, "111000", exercise);
  if (flight.kind === "aircraft") return code(AIR, UNKNOWN, "110000", exercise);
  if (flight.kind === "unknown") return code(AIR, UNKNOWN, "000000", exercise);
  return code(MISSILE, UNKNOWN, "110000", exercise);
}

export function radarCode(exercise: boolean): string {
  return code(LAND_EQUIPMENT, FRIEND, "220300", exercise);
}

const drawn = new Map<string, HTMLCanvasElement>();

const PIN_PIXELS = 22;

/** Where a small area lies, however far one looks from: a ring with a cross, or with a point. */
export function pin(kind: "launch" | "impact", css: string, halo: string): HTMLCanvasElement {
  const key = `${kind}/${css}/${halo}`;
  const made = drawn.get(key);
  if (made) return made;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PIN_PIXELS * globalThis.devicePixelRatio;
  const context = canvas.getContext("2d")!;
  context.scale(globalThis.devicePixelRatio, globalThis.devicePixelRatio);
  const middle = PIN_PIXELS / 2;
  for (const [width, style] of [[5, halo], [2, css]] as const) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.arc(middle, middle, 7.5, 0, 2 * Math.PI);
    if (kind === "impact") {
      for (const [x, y] of [[-1, -1], [-1, 1]] as const) {
        context.moveTo(middle + 3.5 * x, middle + 3.5 * y);
        context.lineTo(middle - 3.5 * x, middle - 3.5 * y);
      }
    } else {
      context.moveTo(middle + 1, middle);
      context.arc(middle, middle, 1, 0, 2 * Math.PI);
    }
    context.stroke();
  }
  drawn.set(key, canvas);
  return canvas;
}

/** Frames, and the X of an exercise, are black: with a light rim they are seen on dark as on light. */
const RIM = { outlineWidth: 4, outlineColor: "#e8eef3" };

/** A symbol's picture, drawn once. `size`: of milsymbol, about the height of its frame in pixels. */
export function symbol(sidc: string, size: number): HTMLCanvasElement {
  const key = `${sidc}/${size}`;
  let canvas = drawn.get(key);
  if (!canvas) {
    canvas = new ms.Symbol(sidc, { size: size * globalThis.devicePixelRatio, simpleStatusModifier: true, ...RIM }).asCanvas();
    drawn.set(key, canvas);
  }
  return canvas;
}

export function symbolSvg(sidc: string, size: number): string {
  return new ms.Symbol(sidc, { size, ...RIM }).toDataURL();
}
