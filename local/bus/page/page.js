// A signal says only that there is something to fetch. All text is set as text, never as HTML.
const topic = "global_notifications";
const person = document.getElementById("person");
const typed = document.getElementById("id");
const state = document.getElementById("state");
const notifications = document.getElementById("notifications");
const signals = document.getElementById("signals");
let socket = null;
let listener = "";
let retry = 0;
// One after another: an answer that comes late must not replace a newer one.
let fetching = Promise.resolve();

function line(title, body, at) {
  const item = document.createElement("li");
  const when = document.createElement("time");
  when.textContent = at.toLocaleTimeString();
  const head = document.createElement("strong");
  head.textContent = title;
  const text = document.createElement("span");
  text.textContent = body;
  item.append(when, head, text);
  return item;
}

async function fetchAll(user, isFirst) {
  const answer = await fetch(`/notifications?user=${encodeURIComponent(user)}`);
  if (!answer.ok || user !== listener) return;
  const found = await answer.json();
  const seen = isFirst ? null : shown();
  notifications.replaceChildren(...found.map((each) => {
    const item = line(each.title, each.body, new Date(each.at));
    item.dataset.id = each.id;
    item.classList.toggle("new", seen !== null && !seen.has(each.id));
    return item;
  }));
}

function shown() {
  return new Set([...notifications.children].map((item) => item.dataset.id));
}

function refresh(user, isFirst) {
  fetching = fetching.then(() => fetchAll(user, isFirst)).catch(() => {});
}

function connect(user) {
  listener = user;
  clearTimeout(retry);
  if (socket) { socket.onclose = null; socket.close(); }
  notifications.replaceChildren();
  signals.replaceChildren();
  const opened = new WebSocket(
    `ws://${location.host}/connect?user=${encodeURIComponent(user)}&topics=${topic}`);
  socket = opened;
  opened.onopen = () => {
    state.className = "open";
    state.textContent = "connected";
    // What came while nobody listened.
    refresh(user, true);
  };
  opened.onmessage = (event) => {
    const signal = JSON.parse(event.data);
    const whom = signal.topic ? `to everybody, ${signal.topic}` : "to this person";
    signals.prepend(line(signal.signal, `${whom}, ${signal.id}`, new Date()));
    refresh(user, false);
  };
  opened.onclose = () => {
    state.className = "";
    state.textContent = "not connected: trying again";
    retry = setTimeout(() => connect(user), 1000);
  };
}

person.onchange = () => { typed.value = ""; connect(person.value); };
typed.onchange = () => { if (typed.value.trim()) connect(typed.value.trim()); };

fetch("/people").then((answer) => answer.json()).then((people) => {
  for (const each of people) person.append(new Option(each.name, each.id));
  if (people.length) connect(people[0].id);
});
