/** Colours of dark and light. What means something is told apart with any colour vision (Okabe and Ito). */
import type { LandColours } from "../globe/land";

export type ThemeName = "dark" | "light";

export interface Theme {
  name: ThemeName;
  space: string;
  land: LandColours;
  /** Tracks that mean no danger, and those that are old. */
  track: string;
  stale: string;
  /** A flight: where it went, where it will go, and what is chosen. */
  flown: string;
  expected: string;
  launch: string;
  impact: string;
  /** Areas under alert. */
  warned: string;
  chosen: string;
  /** In the other picture alone: what would be missing. */
  missing: string;
  own: string;
  partner: string;
  line: string;
  text: string;
  halo: string;
}

const DARK: Theme = {
  name: "dark",
  space: "#05090d",
  land: { sea: "#0b141c", land: "#1b2832", coast: "#5d7a8c", border: "#34495a", grid: "#13202a" },
  track: "#9fd3f5",
  stale: "#7b8894",
  flown: "#f0b429",
  expected: "#ff7f3f",
  launch: "#56b4e9",
  impact: "#ff7f3f",
  warned: "#e8476a",
  chosen: "#ffffff",
  missing: "#e08fbd",
  own: "#56b4e9",
  partner: "#2fc89a",
  line: "#b7a7d6",
  text: "#e8eef3",
  halo: "#05090d",
};

const LIGHT: Theme = {
  name: "light",
  space: "#c3d0d9",
  land: { sea: "#dbe6ed", land: "#f7f5ef", coast: "#6f8796", border: "#b3bec6", grid: "#cddae2" },
  track: "#00639b",
  stale: "#77818a",
  flown: "#a86f00",
  expected: "#c44900",
  launch: "#0072b2",
  impact: "#c44900",
  warned: "#b3123c",
  chosen: "#111111",
  missing: "#a8437f",
  own: "#0072b2",
  partner: "#00795a",
  line: "#6a4fa3",
  text: "#16212a",
  halo: "#ffffff",
};

export const THEMES: Record<ThemeName, Theme> = { dark: DARK, light: LIGHT };
