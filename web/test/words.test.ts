import { describe, expect, it } from "vitest";
import { en, type Word } from "../src/words/en";
import { ja } from "../src/words/ja";
import { ko } from "../src/words/ko";
import { age, bothTimes, clockDigits, clockTime, duration, filled, hashesShort, length, lengthDigits, localTime, percent, placeText, secondsApart, semiAxes, showClocksOf, untilImpact } from "../src/words/words";

const braces = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!).sort();

describe("words", () => {
  it.each([["ja", ja], ["ko", ko]] as const)("of %s have the same parts as the English ones, and are not empty", (_, words) => {
    for (const word of Object.keys(en) as Word[]) {
      expect(words[word].trim(), word).not.toBe("");
      expect(braces(words[word]), word).toEqual(braces(en[word]));
    }
  });

  it("of one language are told apart where a mistake is dangerous", () => {
    for (const words of [en, ja, ko]) {
      expect(words.live).not.toBe(words.exercise);
      const levels = (["nothing", "warning", "assessment", "tracklets", "plots"] as const).map((level) => words[`level_${level}`]);
      expect(new Set(levels).size).toBe(5);
    }
  });

  it("have their parts put in", () => {
    expect(filled("{a} of {b}, {c}", { a: 1, b: "x" })).toBe("1 of x, {c}");
  });
});

describe("numbers for people", () => {
  it("are short and have their unit", () => {
    expect([0, 999, 8_400, 463_122, 4_493_434].map(length)).toEqual(["0 m", "999 m", "8.4 km", "463 km", "4,493 km"]);
    expect(semiAxes({ semi_major_m: 19_063, semi_minor_m: 1_967 })).toBe("± 19.1 × 2.0 km");
    expect(semiAxes({ semi_major_m: 22, semi_minor_m: 8 })).toBe("± 22 × 8 m");
    expect(hashesShort(`KOR (${"76d5d24d".repeat(8)})`)).toBe("KOR (76d5d24d…)");
    expect(hashesShort("JPN-20261123-1")).toBe("JPN-20261123-1");
    expect([0.4, 12, 252].map(age)).toEqual(["0.4 s", "12 s", "04:12"]);
    expect([-3, 252, 3_852].map(duration)).toEqual(["00:03", "04:12", "1:04:12"]);
    expect([252, -5].map(untilImpact)).toEqual(["−04:12", "+00:05"]);
    expect([0.5, 0.994, 0.999].map(percent)).toEqual(["50 %", "99 %", "> 99 %"]);
  });

  it("have more digits where they are asked for", () => {
    expect([0, 1, 2].map((more) => lengthDigits(968_214, more))).toEqual(["968 km", "968.2 km", "968.21 km"]);
    expect([999, 8_412, 4_493_434].map((metres) => lengthDigits(metres, 1))).toEqual(["999 m", "8.41 km", "4,493.4 km"]);
    for (const metres of [0, 850, 8_412, 968_214, 4_493_434]) expect(lengthDigits(metres, 0)).toBe(length(metres));
    const time_ms = Date.parse("2022-10-03T22:22:01.960Z");
    expect([0, 1, 2].map((more) => clockDigits(time_ms, more))).toEqual(["22:22:01Z", "22:22:02.0Z", "22:22:01.96Z"]);
    expect(clockDigits(time_ms, 0)).toBe(clockTime(time_ms));
    expect([-3.6, 0.4, null].map(secondsApart)).toEqual(["4 s", "0.4 s", null]);
  });

  it("say times on the clocks of the desk's nation too", () => {
    const launch_ms = Date.parse("2022-10-03T22:22:01Z");
    showClocksOf("JPN");
    expect(localTime(launch_ms)).toBe("07:22:01 JST");
    expect(bothTimes(launch_ms)).toBe("22:22:01Z (07:22:01 JST)");
    showClocksOf("KOR");
    expect(localTime(launch_ms)).toBe("07:22:01 KST");
  });

  it("say times in UTC and places in degrees, also beyond the date line", () => {
    expect(clockTime(Date.UTC(2022, 9, 3, 22, 46, 4, 376))).toBe("22:46:04Z");
    expect(clockTime(Date.UTC(2022, 9, 3, 22, 46, 4), true)).toBe("2022-10-03 22:46:04Z");
    expect(placeText(33.0078, 181.5)).toBe("33.01°N 178.50°W");
    expect(placeText(-1, -181, 0)).toBe("1°S 179°E");
  });
});
