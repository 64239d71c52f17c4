/** Words of the chosen language, and numbers, times and lengths as people read them. */
import type { Ellipse } from "../api/contract";
import { en, type Word, type Words } from "./en";
import { ja } from "./ja";
import { ko } from "./ko";
import { type Store, store } from "../picture/store";

export type Language = "en" | "ja" | "ko";
export const LANGUAGES: Record<Language, { words: Words; name: string }> = {
  en: { words: en, name: "English" },
  ja: { words: ja, name: "日本語" },
  ko: { words: ko, name: "한국어" },
};

const KEPT = "skypact.language";
const HASH_SHOWN = 8;

function firstLanguage(): Language {
  const asked = [localStorage.getItem(KEPT) ?? "", ...navigator.languages];
  for (const one of asked) {
    const short = one.slice(0, 2);
    if (short in LANGUAGES) return short as Language;
  }
  return "en";
}

export const language: Store<Language> = store<Language>(
  typeof localStorage === "undefined" ? "en" : firstLanguage(),
);

export function speak(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
  language.set(chosen);
}

/** A word, with what stands in its braces put in. */
export function say(word: Word, parts: Record<string, string | number> = {}): string {
  return filled(LANGUAGES[language.get()].words[word], parts);
}

/** What a node says of fixed lists: why a track ended, a message refused. */
const FIXED: Readonly<Record<string, Word>> = {
  "came down": "came_down",
  "not seen": "not_seen",
  "no object there": "no_object",
  "unknown partner": "cause_unknown_partner",
  "put aside": "cause_aside",
  "over its rate": "cause_rate",
  "too large": "cause_too_large",
  "malformed": "cause_malformed",
  "not sealed for us": "cause_seal",
  "for another": "cause_for_another",
  "of another": "cause_of_another",
  "exercise and live mixed": "cause_mode",
  "signature": "cause_signature",
  "epoch ahead of the clock": "cause_epoch_ahead",
  "came before": "cause_known",
  "repeated": "cause_repeated",
  "two with one number": "cause_forked",
  "off the chain": "cause_off_chain",
  "old epoch": "cause_old_epoch",
  "too many gaps": "cause_gaps",
  "ahead of the clock": "cause_clock",
  "unknown radar": "cause_unknown_radar",
  "implausible": "cause_implausible",
};

/** The node's word of a fixed list in the language spoken; what is of none as it is. */
export function nodeWord(text: string): string {
  const word = FIXED[text];
  return word ? say(word) : text;
}

export function filled(text: string, parts: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parts[name] ?? whole));
}

/** 22:46:04Z; with tenths and less of a second where `more` digits are asked for: 22:46:04.4Z. */
export function clockDigits(time_ms: number, more: number): string {
  const parts = 10 ** (3 - more);
  const iso = new Date(more === 0 ? time_ms : Math.round(time_ms / parts) * parts).toISOString();
  return `${iso.slice(11, more === 0 ? 19 : 20 + more)}Z`;
}

/** 22:46:04Z; with the day where `day`. */
export function clockTime(time_ms: number, day = false): string {
  const iso = new Date(time_ms).toISOString();
  return day ? `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z` : `${iso.slice(11, 19)}Z`;
}

/** The clocks of nations that have one time; elsewhere the browser's own are shown. */
const CLOCKS: Readonly<Record<string, { zone: string; name: string }>> = {
  JPN: { zone: "Asia/Tokyo", name: "JST" },
  KOR: { zone: "Asia/Seoul", name: "KST" },
};
const HOUR_MINUTE_SECOND = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
let clock: Intl.DateTimeFormat | undefined;
let clockName = "";

/** Whose clocks `localTime` shows: those of a desk's nation. */
export function showClocksOf(nation: string): void {
  const own = CLOCKS[nation];
  clock = new Intl.DateTimeFormat("en-GB", own ? { ...HOUR_MINUTE_SECOND, timeZone: own.zone } : { ...HOUR_MINUTE_SECOND, timeZoneName: "shortOffset" });
  clockName = own?.name ?? "";
}

/** 07:46:04 JST, 12:46:04 UTC−10; empty where clocks show UTC. */
export function localTime(time_ms: number): string {
  const parts = clock?.formatToParts(time_ms) ?? [];
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? "";
  const zone = clockName || of("timeZoneName").replace("GMT", "UTC").replace("-", "−");
  return zone === "" || /^UTC([+−]0)?$/.test(zone) ? "" : `${of("hour")}:${of("minute")}:${of("second")} ${zone}`;
}

/** 22:46:04Z (07:46:04 JST). */
export function bothTimes(time_ms: number): string {
  const local = localTime(time_ms);
  return local ? `${clockTime(time_ms)} (${local})` : clockTime(time_ms);
}

/** 3 s, 04:12, 1:04:12. */
export function duration(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const h = Math.floor(whole / 3_600);
  const m = Math.floor((whole % 3_600) / 60);
  const two = (value: number): string => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${two(m)}:${two(whole % 60)}`;
}

/** −04:12 before, +00:05 after. */
export function untilImpact(seconds: number): string {
  return `${seconds >= 0 ? "−" : "+"}${duration(seconds)}`;
}

/** 0.4 s, 12 s, 04:12. */
export function age(seconds: number): string {
  const whole = Math.max(0, seconds);
  if (whole < 10) return `${whole.toFixed(1)} s`;
  return whole < 100 ? `${Math.round(whole)} s` : duration(whole);
}

/** 14 m, 850 m, 8.4 km, 463 km, 4,493 km. */
export function length(metres: number): string {
  const size = Math.abs(metres);
  if (size < 1_000) return `${Math.round(metres)} m`;
  if (size < 100_000) return `${(metres / 1_000).toFixed(1)} km`;
  return `${Math.round(metres / 1_000).toLocaleString("en")} km`;
}

/** The same with more digits where it is in km: 968.21 km. */
export function lengthDigits(metres: number, more: number): string {
  const size = Math.abs(metres);
  if (size < 1_000) return length(metres);
  const digits = more + (size < 100_000 ? 1 : 0);
  return `${(metres / 1_000).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} km`;
}

/** How far two times are apart: 4 s, 0.4 s; null: not known. */
export function secondsApart(seconds: number | null): string | null {
  if (seconds === null) return null;
  const size = Math.abs(seconds);
  return `${size.toFixed(size < 1 ? 1 : 0)} s`;
}

/** Semi-axes of an ellipse: ± 19.1 × 2.0 km; ± 22 × 8 m. */
export function semiAxes({ semi_major_m, semi_minor_m }: Pick<Ellipse, "semi_major_m" | "semi_minor_m">): string {
  if (semi_major_m < 1_000) return `± ${Math.round(semi_major_m)} × ${Math.round(semi_minor_m)} m`;
  const digits = semi_major_m < 100_000 ? 1 : 0;
  return `± ${(semi_major_m / 1_000).toFixed(digits)} × ${(semi_minor_m / 1_000).toFixed(digits)} km`;
}

export function speedText(metresPerSecond: number): string {
  return metresPerSecond < 1_000 ? `${Math.round(metresPerSecond)} m/s` : `${(metresPerSecond / 1_000).toFixed(2)} km/s`;
}

/** 41.24°N 134.22°E. Longitudes that go on past ±180° come back. */
export function placeText(latitude_deg: number, longitude_deg: number, digits = 2): string {
  const longitude = ((((longitude_deg + 180) % 360) + 360) % 360) - 180;
  const north = `${Math.abs(latitude_deg).toFixed(digits)}°${latitude_deg < 0 ? "S" : "N"}`;
  return `${north} ${Math.abs(longitude).toFixed(digits)}°${longitude < 0 ? "W" : "E"}`;
}

export function percent(share: number): string {
  if (share >= 0.995) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

/** Hashes in a text by their beginnings: 76d5d24d…. */
export function hashesShort(text: string): string {
  return text.replace(/\b[0-9a-f]{40,}\b/g, (hash) => `${hash.slice(0, HASH_SHOWN)}…`);
}

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  return count < 1_048_576 ? `${(count / 1_024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`;
}
