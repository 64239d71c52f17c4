/** Requests to the node's desk. What it refuses comes as an error whose message is its sentence. */
import type {
  Acknowledgement, AuditEntry, Comment, Done, EventLine, Flight, Level, LogInWays, Moment, PictureName,
  Proposal, Radar, Releases, Saying, Session, SharedEvent, WarningMessage,
} from "./contract";
import type { FeatureCollection } from "geojson";

const ROOT = "api/v1/";

export class Refused extends Error {
  constructor(readonly status: number, sentence: string) {
    super(sentence);
  }
}

export class Client {
  #token = "";

  async session(): Promise<Session | null> {
    try {
      return this.#kept(await this.#ask<Session>("GET", "session"));
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return null;
      throw error;
    }
  }

  ways = (): Promise<LogInWays> => this.#ask("GET", "session/ways");

  async logIn(name: string, password: string): Promise<Session> {
    return this.#kept(await this.#ask<Session>("POST", "session", { name, password }));
  }

  async logOut(): Promise<void> {
    await this.#ask("DELETE", "session");
    this.#token = "";
  }

  pictures = (): Promise<PictureName[]> => this.#ask("GET", "pictures");
  radars = (): Promise<Radar[]> => this.#ask("GET", "radars");
  releases = (): Promise<Releases> => this.#ask("GET", "releases");
  audit = (): Promise<AuditEntry[]> => this.#ask("GET", "audit?limit=100");

  /** Limits at sea, or null where the node has none. */
  async lines(): Promise<FeatureCollection | null> {
    try {
      return await this.#ask<FeatureCollection>("GET", "lines");
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  flight(id: number, picture: string): Promise<Flight> {
    return this.#ask("GET", `flights/${id}?picture=${encodeURIComponent(picture)}`);
  }

  comments(id: number): Promise<Comment[]> {
    return this.#ask("GET", `flights/${id}/comments`);
  }

  acknowledge(id: number): Promise<Acknowledgement> {
    return this.#ask("POST", `flights/${id}/acknowledgements`, {});
  }

  comment(id: number, text: string): Promise<Comment> {
    return this.#ask("POST", `flights/${id}/comments`, { text });
  }

  consultations = (): Promise<EventLine[]> => this.#ask("GET", "consultations");

  consultation(name: string): Promise<SharedEvent> {
    return this.#ask("GET", `consultations/${name}`);
  }

  /** Acknowledge an event to partners, or write to them about it; answers who was told. */
  consult(name: string, what: "acknowledgements" | "comments" | "texts", said: Saying): Promise<Done> {
    return this.#ask("POST", `consultations/${name}/${what}`, said);
  }

  /** Propose a text about the event of a flight of the shared picture. */
  proposeOf(flight: number, said: Saying): Promise<Done> {
    return this.#ask("POST", `flights/${flight}/texts`, said);
  }

  /** For one's nation. */
  confirmText(hash: string, said: Saying): Promise<Done> {
    return this.#ask("POST", `texts/${hash}/confirmation`, said);
  }

  /** All that was said of a warning, until a moment of the past or now; the newest first. */
  warningMessages(event: string, until_ms: number | null): Promise<WarningMessage[]> {
    const query = new URLSearchParams({ event });
    if (until_ms !== null) query.set("until", new Date(until_ms).toISOString());
    return this.#ask("GET", `warnings/messages?${query}`);
  }

  /** Release an alert that waits for persons, or cancel one that was given. */
  ofWarning(event: number, what: "releases" | "cancellations", password: string): Promise<Done> {
    return this.#ask("POST", `warnings/${event}/${what}`, { password });
  }

  propose(partner: string, level: Level): Promise<Proposal> {
    return this.#ask("POST", "releases/proposals", { partner, level });
  }

  release(hash: string, password: string): Promise<Done> {
    return this.#ask("POST", "releases", { hash, password });
  }

  /** A picture as of `at_ms`: as was known then, or by all that is known now. */
  moment(picture: string, at_ms: number, known: "then" | "now", signal: AbortSignal): Promise<Moment> {
    const query = new URLSearchParams({ picture, at: new Date(at_ms).toISOString() });
    if (known === "then") query.set("known", "then");
    return this.#ask("GET", `moments?${query}`, undefined, signal);
  }

  #kept(session: Session): Session {
    this.#token = session.csrf_token;
    return session;
  }

  async #ask<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (method !== "GET") {
      headers["Content-Type"] = "application/json";
      headers["X-CSRF-Token"] = this.#token;
    }
    const answer = await fetch(ROOT + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    if (!answer.ok) throw new Refused(answer.status, await sentenceOf(answer));
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
  }
}

async function sentenceOf(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    if (typeof detail === "string") return detail;
  } catch {
    // Not JSON: what stood in the way is told by its number.
  }
  return `${answer.status} ${answer.statusText}`;
}
