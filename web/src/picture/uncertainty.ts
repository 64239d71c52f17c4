/** How uncertain a place is: from its covariance to what is drawn and said. */
import type { Ellipse, Track } from "../api/contract";

/** Squared Mahalanobis distance that holds 95 % of two dimensions: −2 ln 0.05. */
export const HOLDS_95_OF_2 = 5.991;
/** The same of three dimensions. */
export const HOLDS_95_OF_3 = 7.815;

/** The ellipse that holds where it is horizontally with 95 %. */
export function horizontalEllipse(track: Pick<Track, "covariance_m2">): Ellipse {
  const [ee = 0, en = 0, , nn = 0] = track.covariance_m2;
  const middle = (ee + nn) / 2;
  const reach = Math.hypot((ee - nn) / 2, en);
  return {
    semi_major_m: Math.sqrt(HOLDS_95_OF_2 * (middle + reach)),
    semi_minor_m: Math.sqrt(HOLDS_95_OF_2 * Math.max(0, middle - reach)),
    azimuth_deg: ((Math.atan2(2 * en, nn - ee) / 2) * 180) / Math.PI,
  };
}

/** One standard deviation of its height, m. */
export function heightSigma_m(track: Pick<Track, "covariance_m2">): number {
  return Math.sqrt(Math.max(0, track.covariance_m2[5] ?? 0));
}

/** Root of the sum of the three variances, m. */
export function spread_m(track: Pick<Track, "covariance_m2">): number {
  const [ee = 0, , , nn = 0, , uu = 0] = track.covariance_m2;
  return Math.sqrt(Math.max(0, ee + nn + uu));
}
