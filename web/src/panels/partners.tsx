/** What leaves us: each partner's link, what it gets, what came from it; and changing a release. */
import { useState } from "preact/hooks";
import { type Change, LEVELS, type Level, type Partner, type Proposal } from "../api/contract";
import type { Desk } from "../desk";
import { en, type Word } from "../words/en";
import { age, bytes, clockTime, nodeWord, say as spoken } from "../words/words";
import { useOrder, usePrompt, useSeconds, useSilent, useStore, useWords } from "./look";

/** So many refusals of a partner are listed. */
const GREATEST_REFUSED = 5;

export function Partners({ desk }: { desk: Desk }) {
  const say = useWords();
  const partners = useStore(desk.partners);
  const status = useStore(desk.status);
  const [changing, change] = useState<string | null>(null);
  useSeconds();
  return (
    <section class="partners" aria-labelledby="partners-title">
      <h2 id="partners-title">{say("leaves_us")}</h2>
      {status && (
        <p class="policy">{say("policy", { hash: status.release_policy.hash.slice(0, 8), by: byText(status.release_policy.by), time: clockTime(Date.parse(status.release_policy.since), true) })}</p>
      )}
      {partners.map((partner) => <OnePartner key={partner.nation} desk={desk} partner={partner} change={() => change(partner.nation)} />)}
      {changing !== null && <ChangeRelease desk={desk} partner={partners.find(({ nation }) => nation === changing)} done={() => change(null)} />}
    </section>
  );
}

function OnePartner({ desk, partner, change }: { desk: Desk; partner: Partner; change: () => void }) {
  const say = useWords();
  const silent = useSilent(desk);
  const { link, released, received, nation } = partner;
  const now_ms = desk.clock.get()?.time_ms ?? Date.now();
  const refused = received.refused.slice(-GREATEST_REFUSED).reverse();
  return (
    <article class="partner" aria-labelledby={`partner-${nation}`} data-partner={nation}>
      <h3 id={`partner-${nation}`}>
        {nation} {silent
          ? <span class="link unknown">? {say("link_unknown")}</span>
          : <span class={`link ${link.up ? "up" : "down"}`}>{link.up ? "● " : "▲ "}{say(link.up ? "link_up" : "link_down")} {say("since", { time: clockTime(link.since_ms) })}</span>}
      </h3>
      {partner.left_out && <p class="much">{say("left_out")}</p>}
      {link.alarms.map((alarm) => <p class="much" role="alert" key={alarm}>{alarm}</p>)}
      <div class="level">
        <Ladder level={released.level} />
        <button disabled={!desk.may("release")} title={desk.may("release") ? "" : say("no_right")} onClick={change}>{say("change_release")}…</button>
      </div>
      <dl>
        <dt>{say("released")}</dt>
        <dd><b>{say(`level_${released.level}`)}</b>{released.openness ? `, ${say("openness")} ${named("openness", released.openness)}` : ""}. {say(`means_${released.level}`)}</dd>
        {released.rules.length > 0 && <><dt /><dd><ul>{released.rules.map((rule) => <li key={rule}>{rule}</li>)}</ul></dd></>}
        <dt>{say("use")}</dt><dd>{released.use.map((use) => named("use", use)).join(", ") || "—"}</dd>
        <dt>{say("delay")}</dt><dd>{link.delay_s === null ? "—" : age(link.delay_s)}</dd>
        <dt>{say("backlog")}</dt><dd>{link.waiting_messages === 0 ? say("nothing_waits") : `${say("messages", { count: link.waiting_messages })}, ${bytes(link.backlog_bytes)}`}</dd>
        <dt>{say("sent")}</dt><dd>{say("messages", { count: released.sent })}{released.shed > 0 ? `, ${say("shed")} ${released.shed}` : ""}</dd>
        <dt>{say("received")}</dt>
        <dd>{receivedText(received.counts)}{received.came_ms !== null && `, ${say("last_came", { age: age((now_ms - received.came_ms) / 1_000) })}`}</dd>
        <dt>{say("refused")}</dt>
        <dd>{refused.length === 0 ? say("refused_none") : (
          <ul class="refused">{refused.map((one, i) => <li key={i}>{clockTime(Date.parse(one.time))} <b>{nodeWord(one.cause)}</b> <span lang="en">{one.reason}. <em>{one.remedy}</em></span></li>)}</ul>
        )}</dd>
      </dl>
    </article>
  );
}

/** Who put the policy in force: a person, or the node when it had none yet. */
function byText(by: string): string {
  return by === en.first_start ? spoken("first_start") : by;
}

/** A word of the release policy in the language spoken. */
function named(of: "openness" | "use", word: string): string {
  const key = `${of}_${word}`;
  return key in en ? spoken(key as Word) : word;
}

/**
 * What was taken, and what was refused for whatever cause: the causes stand below. What came before
 * is none of it: each message comes on the live path and once more on the durable one.
 */
function receivedText(counts: Readonly<Record<string, number>>): string {
  const { accepted = 0, "came before": _again, ...refused } = counts;
  const others = Object.values(refused).reduce((sum, count) => sum + count, 0);
  return `${spoken("taken")} ${accepted}${others > 0 ? `, ${spoken("refused").toLowerCase()} ${others}` : ""}`;
}

/** The five levels, those that are given filled. */
function Ladder({ level }: { level: Level }) {
  const say = useWords();
  const reached = LEVELS.indexOf(level);
  return (
    <ol class="ladder" aria-label={`${say("released")}: ${say(`level_${level}`)}`}>
      {LEVELS.map((one, i) => <li key={one} class={i === reached ? "here" : i < reached ? "below" : ""}>{say(`level_${one}` as Word)}</li>)}
    </ol>
  );
}

function ChangeRelease({ desk, partner, done }: { desk: Desk; partner: Partner | undefined; done: () => void }) {
  const say = useWords();
  const dialog = usePrompt();
  const status = useStore(desk.status);
  const [level, setLevel] = useState<Level>(partner?.released.level ?? "nothing");
  const [proposal, propose] = useState<Proposal | null>(null);
  const [password, type] = useState("");
  const { order, busy, fault } = useOrder();
  if (!partner) return null;
  const { nation } = partner;
  const exercise = status?.exercise ?? false;
  const ofProvider = desk.session.get()?.of_provider ?? false;
  const mode = say(exercise ? "exercise" : "live");
  const show = (): Promise<void> => order(async () => propose(await desk.client.propose(nation, level)));
  const confirm = (): Promise<void> => order(async () => {
    const { said } = await desk.client.release(proposal!.hash, password);
    desk.said.set(said);
    dialog.current?.close();
  });
  return (
    <dialog ref={dialog} class={`change ${exercise ? "exercise" : "live"}`} aria-labelledby="change-title" onClose={done}>
      <form onSubmit={(event) => { event.preventDefault(); void (proposal ? confirm() : show()); }}>
        <p class="band">{mode}</p>
        <h2 id="change-title">{say(proposal ? "confirm_release" : "change_release_to", { nation, mode })}</h2>
        <fieldset disabled={proposal !== null}>
          <legend>{say("new_level")}</legend>
          {LEVELS.map((one) => (
            <label key={one}>
              <input type="radio" name="level" value={one} checked={level === one} onChange={() => setLevel(one)} />
              <b>{say(`level_${one}`)}</b> <span>{say(`means_${one}`)}</span>
            </label>
          ))}
        </fieldset>
        {proposal && (
          <>
            <Changes changes={proposal.changes} />
            {!ofProvider && <label class="password">{say("your_password")}<input type="password" autocomplete="current-password" value={password} onInput={(event) => type(event.currentTarget.value)} /></label>}
          </>
        )}
        {fault && <p class="much" role="alert">{fault}</p>}
        <footer>
          <button type="button" onClick={() => dialog.current?.close()}>{say("cancel")}</button>
          {proposal
            ? <button class="act" disabled={busy || (!password && !ofProvider)}>{say(busy ? "under_way" : "confirm_sign")}</button>
            : <button class="act" disabled={busy || level === partner.released.level}>{say(busy ? "under_way" : "propose")}</button>}
        </footer>
      </form>
    </dialog>
  );
}

function Changes({ changes }: { changes: readonly Change[] }) {
  const say = useWords();
  const told = changes.filter((one) => one.more.length + one.less.length + one.other.length > 0);
  if (told.length === 0) return <p>{say("no_change")}</p>;
  return (
    <div class="changes">
      {told.map((one) => (
        <div key={one.partner}>
          <h3>{one.partner}</h3>
          {(["more", "less", "other"] as const).map((sort) => one[sort].length > 0 && (
            <p key={sort} class={sort}><b>{sort === "more" ? "▲ " : sort === "less" ? "▼ " : ""}{say(sort)}:</b> <span lang="en">{one[sort].join("; ")}</span></p>
          ))}
        </div>
      ))}
    </div>
  );
}
