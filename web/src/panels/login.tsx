import { useEffect, useState } from "preact/hooks";
import type { LogInWays } from "../api/contract";
import type { Desk } from "../desk";
import type { Word } from "../words/en";
import { type Language, LANGUAGES, language, speak } from "../words/words";
import { useStore, useWords } from "./look";

/** Why who came back from the provider was not let in; the audit has all of it. */
const REFUSALS: Record<string, Word> = {
  provider: "log_in_provider", token: "log_in_token", expired: "log_in_expired", name: "log_in_name", roles: "log_in_roles",
};

export function LogIn({ desk }: { desk: Desk }) {
  const say = useWords();
  const spoken = useStore(language);
  const said = useStore(desk.said);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [ways, setWays] = useState<LogInWays | null>(null);
  useEffect(() => void desk.try(async () => setWays(await desk.client.ways())), []);
  const whose = ways ? say("log_in_said", { nation: ways.nation }) : "";
  useEffect(() => {
    document.title = [ways?.nation, "Skypact"].filter(Boolean).join(" · ");
  }, [ways]);
  const refusal = REFUSALS[new URLSearchParams(location.search).get("log_in") ?? ""];
  return (
    <main class="login">
      <form onSubmit={(event) => { event.preventDefault(); desk.said.set(""); void desk.try(() => desk.logIn(name, password)); }}>
        <h1>SKYPACT</h1>
        <p class="whose">{whose}</p>
        <label>{say("name")}<input name="name" autocomplete="username" required value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label>{say("password")}<input name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        {refusal && !said && <p class="much" role="alert">{say(refusal)}</p>}
        {said && <p class="much" role="alert">{said}</p>}
        <button class="act">{say("log_in")}</button>
        {ways?.provider && <a class="button" href="api/v1/session/provider">{say("log_in_at", { provider: ways.provider })}</a>}
        <details><summary>{say("log_in_help")}</summary><p>{say("log_in_demo")}</p><p>{say("log_in_else")}</p></details>
        <select aria-label={say("language")} value={spoken} onChange={(event) => speak(event.currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([key, one]) => <option key={key} value={key}>{one.name}</option>)}
        </select>
      </form>
    </main>
  );
}
