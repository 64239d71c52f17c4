import { describe, expect, it } from "vitest";
import { heightSigma_m, HOLDS_95_OF_2, horizontalEllipse } from "../src/picture/uncertainty";

/** Covariance of an ellipse with sigmas along and across a bearing from north. */
function turned(along: number, across: number, bearing_deg: number): number[] {
  const b = (bearing_deg * Math.PI) / 180;
  const [e1, n1] = [Math.sin(b), Math.cos(b)];
  const [e2, n2] = [Math.cos(b), -Math.sin(b)];
  const [a, c] = [along ** 2, across ** 2];
  return [a * e1 * e1 + c * e2 * e2, a * e1 * n1 + c * e2 * n2, 0, a * n1 * n1 + c * n2 * n2, 0, 49];
}

describe("the ellipse of a covariance", () => {
  it.each([0, 20, 45, 90, 130, 179])("has its axes and bearing (%d°)", (bearing_deg) => {
    const ellipse = horizontalEllipse({ covariance_m2: turned(300, 40, bearing_deg) });
    expect(ellipse.semi_major_m).toBeCloseTo(300 * Math.sqrt(HOLDS_95_OF_2), 6);
    expect(ellipse.semi_minor_m).toBeCloseTo(40 * Math.sqrt(HOLDS_95_OF_2), 6);
    // Equal to the bearing modulo half a turn.
    expect(Math.sin(((ellipse.azimuth_deg - bearing_deg) * Math.PI) / 180)).toBeCloseTo(0, 9);
  });

  it("holds 95 % of what is drawn from it", () => {
    const { semi_major_m, semi_minor_m } = horizontalEllipse({ covariance_m2: turned(300, 40, 90) });
    let seed = 1;
    const uniform = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const draws = 20_000;
    let inside = 0;
    for (let i = 0; i < draws; i += 1) {
      if (((300 * normal()) / semi_major_m) ** 2 + ((40 * normal()) / semi_minor_m) ** 2 <= 1) inside += 1;
    }
    // Four standard deviations of a share of 20,000: 0.6 %.
    expect(Math.abs(inside / draws - 0.95)).toBeLessThan(0.0062);
  });

  it("says how well the height is known", () => {
    expect(heightSigma_m({ covariance_m2: turned(300, 40, 0) })).toBe(7);
  });
});
