"use strict";

const EVERY = 700;
const find = (id) => document.getElementById(id);
const money = new Intl.NumberFormat("en");
const rows = new Map();
let revision = -1;
let users = [];

async function ask(path, fields) {
  const options = fields === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
  };
  const answer = await fetch("/control/" + path, options);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.message);
  return found;
}

function trouble(words) {
  find("trouble").hidden = !words;
  find("trouble").textContent = words;
}

async function press(path, fields) {
  try {
    await ask(path, fields);
    trouble("");
    await refresh();
  } catch (error) {
    trouble(error.message);
  }
}

function topUp(name) {
  const typed = prompt("How many VND does " + name + " pay in? (With a minus: buys for.)", "50000");
  if (typed !== null) press("top-up", { user: name, amount: Number(typed.replace(/[ ,.]/g, "")) });
}

function element(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(kind, words, name, act) {
  const made = element("button", kind, words);
  made.type = "button";
  made.dataset.user = name;
  made.addEventListener("click", act);
  return made;
}

function row(user) {
  const made = element("tr");
  const name = element("td", "name", user.name);
  if (user.note) name.append(element("small", "", user.note));
  const acts = element("td", "acts");
  const turn = button("", "", user.name, () => press(turn.className === "off" ? "log-off" : "log-on", { user: user.name }));
  acts.append(turn, button("top-up", "Top up", user.name, () => topUp(user.name)));
  made.append(element("td", "seat", user.seat), name, element("td", "money"), acts);
  return made;
}

function show(user) {
  let made = rows.get(user.name);
  if (made === undefined) {
    made = row(user);
    rows.set(user.name, made);
    find("users").append(made);
  }
  made.classList.toggle("is-on", user.is_on);
  made.querySelector(".money").textContent = money.format(user.balance) + " ₫";
  const turn = made.querySelector(".acts button");
  turn.className = user.is_on ? "off" : "on";
  turn.textContent = user.is_on ? "Log off" : "Log on";
}

function filter() {
  const wanted = find("filter").value.trim().toLowerCase();
  const onlyOn = find("only-on").checked;
  let shown = 0;
  for (const user of users) {
    const fits = (user.name + " " + user.seat).toLowerCase().includes(wanted) && (user.is_on || !onlyOn);
    rows.get(user.name).hidden = !fits;
    shown += fits;
  }
  find("none").hidden = shown > 0;
}

function event(told) {
  const made = element("li", told.outcome.replace(" ", "-"));
  const times = told.tries > 1 ? " (" + told.tries + "×)" : "";
  made.append(
    element("span", "", told.milliseconds === null ? "…" : (told.status || "–") + " · " + told.milliseconds + " ms" + times),
    element("b", "", told.kind.replace("USER_", "").replace("_UPDATE", "").toLowerCase() + " " + told.user),
    element("small", "", told.at.slice(11, 19) + " UTC  " + (told.outcome === "unsent" ? "not sent: no settings" : told.words)),
  );
  return made;
}

function showFaults(faults) {
  const form = find("faults");
  if (form.contains(document.activeElement)) return;
  for (const [name, value] of Object.entries(faults)) form.elements[name].value = value;
}

async function refresh() {
  const state = await ask("state?after=" + revision);
  if (state.users === undefined) return;
  revision = state.revision;
  users = state.users;
  users.forEach(show);
  filter();
  const on = users.filter((each) => each.is_on).length;
  find("count-on").textContent = on;
  find("count-off").textContent = users.length - on;
  find("count-waiting").textContent = state.waiting;
  find("where").textContent = state.url ? state.location_id + " → " + state.url : "no settings: nothing is sent";
  find("events").replaceChildren(...state.events.map(event));
  find("no-events").hidden = state.events.length > 0;
  showFaults(state.faults);
}

async function watch() {
  try {
    await refresh();
    if (find("trouble").textContent.startsWith("The PC system")) trouble("");
  } catch {
    trouble("The PC system does not answer. Was it stopped?");
  }
  setTimeout(watch, EVERY);
}

find("filter").addEventListener("input", filter);
find("only-on").addEventListener("change", filter);
find("faults").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const fields = Object.fromEntries(new FormData(find("faults")));
  for (const name of Object.keys(fields)) if (name !== "down") fields[name] = Number(fields[name]);
  document.activeElement.blur();
  press("faults", fields);
});
find("no-faults").addEventListener("click", () => {
  document.activeElement.blur();
  press("faults", { latency: 0, fail: 0, lose: 0, down: "", duplicate: 0, reorder: 0 });
});
watch();
