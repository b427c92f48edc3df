// Keys, copying, previews. Every page works without this file; nothing here changes data.

const SETTING = "lodestone.keys";

/** Whether single keys act; a choice of this browser, on unless switched off. */
const keys = {
  get on() {
    try {
      return localStorage.getItem(SETTING) !== "off";
    } catch {
      return true; // storage may be forbidden
    }
  },
  set on(value) {
    try {
      localStorage.setItem(SETTING, value ? "on" : "off");
    } catch {
      // The choice holds until the page is left, which is all that can be done.
    }
  },
};

const find = (selector) => document.querySelector(selector);

// ---- Short messages, read out by assistive technology.

const toast = document.createElement("output");
toast.className = "toast";
document.body.append(toast);
let fading;

function say(text) {
  toast.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (toast.textContent = ""), 4000);
}

// ---- Copying

async function copy(text, what) {
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS browsers offer only this.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "vh";
    const focused = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    if (!done) return say("The browser does not allow copying.");
  }
  say(`Copied ${what ?? text}`);
}

// ---- Rows

class VariantRows extends HTMLElement {
  #last = null;

  connectedCallback() {
    this.status = document.createElement("p");
    this.status.className = "selection";
    this.status.hidden = true;
    this.before(this.status);
    for (const row of this.rows) {
      // Who decides has boxes without this script; for others they copy.
      const box = row.querySelector(".pick") ?? document.createElement("input");
      if (!box.isConnected) {
        box.type = "checkbox";
        box.className = "pick";
        box.ariaLabel = `Select ${row.dataset.copy}`;
        row.cells[0].append(box);
      }
      box.addEventListener("change", () => this.#selectionChanged());
    }
    this.#last = this.querySelector("tr:has(:target)");
    this.addEventListener("focusin", (event) => (this.#last = event.target.closest("tr[data-copy]") ?? this.#last));
    // A table that does not fit scrolls in its own frame.
    const table = this.querySelector("table");
    new ResizeObserver(() => {
      this.classList.remove("framed");
      this.classList.toggle("framed", table.offsetWidth > this.clientWidth);
    }).observe(this);
  }

  get rows() {
    return [...this.querySelectorAll("tr[data-copy]")];
  }

  get current() {
    return document.activeElement?.closest("tr[data-copy]") ?? this.#last;
  }

  get selected() {
    return this.rows.filter((row) => row.querySelector(".pick").checked);
  }

  move(by) {
    const rows = this.rows;
    const at = rows.indexOf(this.current);
    const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
    if (row) return this.#focus(row);
    say(by > 0 ? "This is the last row of the page." : "This is the first row of the page.");
  }

  open() {
    this.current?.querySelector(".row-link").click();
  }

  pin() {
    this.current?.querySelector("button.pin")?.click();
  }

  order() {
    this.current?.querySelector("button.order")?.click();
  }

  select() {
    const box = this.current?.querySelector(".pick");
    if (!box) return;
    box.checked = !box.checked;
    this.#selectionChanged();
  }

  async preview() {
    const row = this.current;
    if (!row) return;
    const shown = row.nextElementSibling;
    if (shown?.classList.contains("preview")) return shown.remove();
    const line = document.createElement("tr");
    line.className = "preview";
    const cell = line.insertCell();
    cell.colSpan = row.cells.length;
    cell.textContent = "Loading …";
    row.after(line);
    const summary = await summaryOf(row.querySelector(".row-link").href);
    if (!summary) {
      cell.textContent = "The preview cannot be loaded. Open the variant instead.";
      return;
    }
    cell.replaceChildren(summary);
    say("Preview below the row.");
  }

  copyText() {
    const selected = this.selected;
    if (selected.length) return copy(selected.map((row) => row.dataset.copy).join("\n"), `${selected.length} variants`);
    copy(this.current?.dataset.copy);
  }

  #focus(row) {
    this.#last = row;
    const link = row.querySelector(".row-link");
    link.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  #selectionChanged() {
    for (const row of this.rows) row.classList.toggle("selected", row.querySelector(".pick").checked);
    const count = this.selected.length;
    this.status.hidden = count === 0;
    const words = document.createElement("span");
    words.textContent = `${count} selected`;
    this.status.replaceChildren(
      words,
      button("Copy", () => this.copyText()),
      button("Clear", () => {
        for (const row of this.selected) row.querySelector(".pick").checked = false;
        this.#selectionChanged();
      }),
    );
  }
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

/** The summary of a variant's page, parsed by the browser as an inert document. */
function summaryOf(url) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onerror = () => resolve(null);
    request.onload = () => {
      const found = request.status === 200 && request.responseXML?.querySelector("#summary");
      if (!found) return resolve(null);
      const copied = document.importNode(found, true);
      for (const named of [copied, ...copied.querySelectorAll("[id]")]) named.removeAttribute("id");
      copied.removeAttribute("aria-labelledby");
      copied.className = "summary";
      resolve(copied);
    };
    request.send();
  });
}

customElements.define("variant-rows", VariantRows);
const rows = find("variant-rows");

// ---- Keys

const follow = (name) => () => find(`a[data-key="${name}"]`)?.click();
const press = (name) => () => find(`button[data-key="${name}"]`)?.click();
const help = find("#keys-help");

function focusFilters(selector) {
  const side = find("#filters");
  if (!side) return;
  side.open = true;
  find(selector)?.focus();
}

const ACTIONS = {
  "?": () => help.showModal(),
  "/": () => (find('main [data-key="search"]') ?? find('[data-key="search"]'))?.focus(),
  j: () => (rows ? rows.move(1) : follow("next")()),
  k: () => (rows ? rows.move(-1) : follow("previous")()),
  n: follow("next"),
  p: follow("previous"),
  u: follow("up"),
  o: () => rows?.open(),
  x: () => rows?.select(),
  f: () => focusFilters("#filters .facet summary"),
  g: () => focusFilters('[data-key="gene"]'),
  c: follow("clinical"),
  s: () => (rows ? rows.pin() : press("pin")()),
  v: () => (rows ? rows.order() : press("order")()),
  d: () => {
    const why = find('[data-key="dismiss"]');
    if (!why) return;
    if (rows && !rows.selected.length) rows.select();
    why.parentElement.open = true;
    why.parentElement.querySelector("input[type=checkbox]").focus();
  },
  z: press("undo"),
  m: () => find('[data-key="comment"]')?.focus(),
  y: () => (rows ? rows.copyText() : copy(find("#summary")?.dataset.copy)),
  l: () => {
    const locus = rows ? rows.current?.querySelector(".locus") : find(".locus[data-locus]");
    copy(locus?.dataset.locus ?? locus?.textContent.replace(/\s/g, ""));
  },
};

// What is written is sent without reaching for the button.
find('[data-key="comment"]')?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // A closed dialog may keep the focus for a moment.
  const at = event.target.closest("dialog:not([open])") ? document.body : event.target;
  if (at.closest("input, select, textarea, dialog") || at.isContentEditable || !keys.on) return;
  if (event.key === " ") {
    if (!rows?.contains(at) || at.closest("button, summary")) return; // elsewhere the blank scrolls or presses
    event.preventDefault();
    rows.preview();
    return;
  }
  const action = Object.hasOwn(ACTIONS, event.key) && ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

const setting = find('[data-setting="keys"]');
setting.checked = keys.on;
setting.addEventListener("change", () => (keys.on = setting.checked));

for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => document.getElementById(opener.dataset.opens).showModal());
}

// ---- A page that looks again by itself, until it is left or hidden

const watched = find("[data-live]");

function lookAgain() {
  if (document.hidden || watched.contains(document.activeElement)) return;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.onload = () => {
    const found = request.status === 200 && request.responseXML?.querySelector("[data-live]");
    if (found) watched.replaceChildren(...document.importNode(found, true).childNodes);
  };
  request.send();
}
if (watched) setInterval(lookAgain, Number(watched.dataset.live) * 1000);

// ---- What is left of the session: said quietly in its last five minutes. A page opened beside this one counts too.

const clock = find("[data-seconds-left]");
if (clock) {
  let ends = Date.now() + Number(clock.dataset.secondsLeft) * 1000;
  const tell = () => {
    const minutes = Math.ceil((ends - Date.now()) / 60_000);
    if (minutes > 5) clock.textContent = "";
    else if (minutes > 0) clock.textContent = `Signed in for ${minutes} more min`;
    else clock.textContent = "Signed out by now; what you send is kept";
  };
  const pages = new BroadcastChannel("lodestone.session");
  pages.onmessage = ({ data }) => {
    ends = Math.max(ends, data);
    tell();
  };
  pages.postMessage(ends);
  tell();
  setInterval(tell, 15_000);
}

// ---- Forms

for (const field of document.querySelectorAll("[data-enter-submits]")) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
}

// Untouched fields would fill the address, which people send to each other.
for (const form of document.querySelectorAll("form:not([method])")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
  });
}
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form:not([method]) :disabled")) field.disabled = false;
});

// Beside the list the panel stands open, which the stylesheet shows and assistive technology hears from here.
const side = find("#filters");
const roomy = matchMedia("(min-width: 80rem)");
const unfold = () => (side.open = roomy.matches);
if (side) {
  unfold();
  roomy.addEventListener("change", unfold);
}
