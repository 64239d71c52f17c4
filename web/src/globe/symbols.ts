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

/** What a billboard shows, and the name by which Cesium knows it again. */
export interface Drawing {
  name: string;
  canvas: HTMLCanvasElement;
}

const drawn = new Map<string, Drawing>();

const PIN_PIXELS = 22;

/** Where a small area lies, however far one looks from: a ring with a cross, or with a point. */
export function pin(kind: "launch" | "impact", css: string, halo: string): Drawing {
  const key = `${kind}/${css}/${halo}`;
  const before = drawn.get(key);
  if (before) return before;
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
  const made = { name: key, canvas };
  drawn.set(key, made);
  return made;
}

/** Frames, and the X of an exercise, are black: with a light rim they are seen on dark as on light. */
const RIM = { outlineWidth: 4, outlineColor: "#e8eef3" };

/** A symbol's picture, drawn once. `size`: of milsymbol, about the height of its frame in pixels. */
export function symbol(sidc: string, size: number): Drawing {
  const name = `${sidc}/${size}`;
  let made = drawn.get(name);
  if (!made) {
    const canvas = new ms.Symbol(sidc, { size: size * globalThis.devicePixelRatio, simpleStatusModifier: true, ...RIM }).asCanvas();
    drawn.set(name, (made = { name, canvas }));
  }
  return made;
}

const written = new Map<string, string>();

/** The same for lists: an address that holds the picture. */
export function symbolSvg(sidc: string, size: number): string {
  const name = `${sidc}/${size}`;
  let address = written.get(name);
  if (address === undefined) written.set(name, (address = new ms.Symbol(sidc, { size, ...RIM }).toDataURL()));
  return address;
}
