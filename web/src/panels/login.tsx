import { useState } from "preact/hooks";
import type { Desk } from "../desk";
import { type Language, LANGUAGES, language, speak } from "../words/words";
import { useStore, useWords } from "./look";

export function LogIn({ desk }: { desk: Desk }) {
  const say = useWords();
  const spoken = useStore(language);
  const said = useStore(desk.said);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  return (
    <main class="login">
      <form onSubmit={(event) => { event.preventDefault(); desk.said.set(""); void desk.try(() => desk.logIn(name, password)); }}>
        <h1>SKYPACT</h1>
        <p>{say("log_in_said")}</p>
        <label>{say("name")}<input name="name" autocomplete="username" required value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <label>{say("password")}<input name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        {said && <p class="much" role="alert">{said}</p>}
        <button class="act">{say("log_in")}</button>
        <select aria-label={say("language")} value={spoken} onChange={(event) => speak(event.currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([key, one]) => <option key={key} value={key}>{one.name}</option>)}
        </select>
      </form>
    </main>
  );
}
