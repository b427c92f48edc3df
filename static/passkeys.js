// Passkeys: asks the browser for one and sends its answer with the form. Without this file the buttons are not shown.

const able = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON && PublicKeyCredential.parseCreationOptionsFromJSON;

async function asked(form) {
  const body = new URLSearchParams();
  for (const name of ["csrf", "class"]) if (form.elements[name]) body.set(name, form.elements[name].value);
  const answer = await fetch(form.dataset.passkey, { method: "POST", body, redirect: "error" });
  if (!answer.ok) throw new Error(`asked for a passkey: ${answer.status}`);
  return answer.json();
}

async function credential(form) {
  const options = await asked(form);
  return "makes" in form.dataset
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

/** Why there is no answer, and what to do. */
function said(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "No passkey was given. Try again, or go on without one.";
    case "InvalidStateError":
      return "This device has a passkey of yours already.";
    default:
      return "The passkey cannot be asked for now. Open this page again, or go on without one.";
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const status = form.querySelector("output");
  if (!able) {
    status.textContent = "This browser cannot use passkeys.";
    continue;
  }
  button.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.textContent = "Follow your browser or your key …";
    try {
      const given = await credential(form);
      form.elements.passkey.value = JSON.stringify(given.toJSON());
      form.submit();
    } catch (error) {
      status.textContent = said(error);
      button.disabled = false;
    }
  });
}
