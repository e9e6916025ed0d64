### German.

## On every page.
skip = Zum Inhalt springen
nav = Seiten
nav-door = Tür
nav-live = Livebild
nav-account = Konto
sign-out = Abmelden
cancel = Abbrechen
save = Speichern
duration-minutes = { $number } Min.
duration-hours = { $number } Std.
duration-days = { $number } Tage

## Signing in.
sign-in-title = Anmelden
sign-in = Anmelden
sign-in-name = Name
sign-in-password = Passwort
sign-in-wrong = Name oder Passwort ist falsch.
sign-in-pair = Ich habe einen Einmalcode
done-signed-out = Sie sind abgemeldet.
done-signed-out-everywhere = Alle Browser sind abgemeldet.

## Pairing a browser by a one-time code.
pair-title = Diesen Browser koppeln
pair-how = Einen Code erhält ein Administrator auf dem Gerät mit:
pair-code = Einmalcode
pair = Koppeln
pair-sign-in = Ich habe ein Konto
pair-wrong-code = Dieser Code gilt nicht: Er ist falsch eingegeben, wurde schon benutzt oder ist abgelaufen. Bitten Sie um einen neuen.
done-paired = Willkommen, { $name }. Melden Sie sich künftig mit diesem Namen und Ihrem Passwort an.

## Passwords.
password-new = Neues Passwort
password-again = Neues Passwort wiederholen
password-current = Bisheriges Passwort
password-hint = Mindestens { $number } Zeichen.
password-too-short = Das Passwort braucht mindestens { $number } Zeichen.
password-too-long = Das Passwort ist zu lang.
password-too-easy = Das Passwort ist zu leicht zu erraten.
password-differs = Die beiden Passwörter sind verschieden.
password-wrong = Das bisherige Passwort ist falsch.

## The door.
door-title = Tür
mode-normal = Normalbetrieb: Erfasste Personen werden eingelassen
mode-held-open = Wird noch { $number } Min. offen gehalten
mode-locked-down = Gesperrt: Gesichter öffnen die Tür nicht
mode-fault = Durch einen Fehler gesperrt bis zum Neustart
state-no-relay = Es ist kein Relais eingerichtet: Nichts öffnet sich.
state-no-camera = Die Kamera liefert keine Bilder.
state-contact = Türkontakt
state-open = offen
state-closed = geschlossen
state-unknown = unbekannt
state-exit = Türtaster
state-pressed = gedrückt
state-not-pressed = nicht gedrückt
state-people = Erfasste Personen
state-liveness = Prüfung auf Bilder
state-model = Modell
state-version = Version
state-uptime = Läuft seit
door-control = Öffnen und sperren
door-open = Tür öffnen
door-hold-for = Offen halten für
door-hold = Offen halten
door-normal = Zurück zum Normalbetrieb
door-lockdown = Sperren
door-lockdown-hint = Bei einer Sperre öffnet kein Gesicht die Tür. Der Türtaster öffnet sie.
open-title = Tür öffnen?
open-question = Die Tür „{ $name }“ öffnet sich einmal, für jede Person, die davor steht.
done-opened = Die Tür wurde geöffnet.
done-held = Die Tür wird offen gehalten.
done-locked-down = Die Tür ist gesperrt.
done-normal = Die Tür arbeitet wie gewohnt.

## The live picture. What a person before the camera should do.
live-title = Livebild
live-picture = Das Bild der Türkamera
live-waiting = Warten auf ein Bild …
live-lost = Keine Verbindung. Neuer Versuch läuft.
live-nobody = Niemand ist im Bild.
live-failed = Die Tür liefert kein Bild.
live-unknown = unbekannt
advice-too-small = näher kommen
advice-too-dark = zu dunkel: Licht auf das Gesicht bringen
advice-too-bright = zu hell: Licht aus der Kamera halten
advice-blurred = unscharf: stillhalten
advice-turned-away = gerade in die Kamera blicken
advice-tilted = Kopf aufrecht halten
advice-eyes-covered = die Augen sind verdeckt: Sonnenbrille abnehmen
advice-mouth-covered = der Mund ist verdeckt: Maske abnehmen
advice-cut-off = der Bildrand schneidet das Gesicht ab: ins Bild treten
advice-not-upright = der Kopf steht kopf, liegt quer oder ist verdeckt

## The account.
account-title = Konto
account-name = Name
account-role = Rolle
role-viewer = Betrachter: darf ansehen
role-operator = Bediener: darf auch öffnen und sperren
role-admin = Administrator: darf alles
account-language = Sprache
account-language-browser = Wie der Browser
account-password = Passwort
account-change-password = Passwort ändern
account-sessions = Angemeldete Browser
account-session-began = Angemeldet
account-session-used = zuletzt benutzt
account-sign-out-everywhere = Überall abmelden
done-language = Die Sprache ist gespeichert.
done-password = Das Passwort ist geändert. Andere Browser sind abgemeldet.

## Errors.
error-title = Das geht nicht
error-back = Zurück zur ersten Seite
error-not-signed-in = Sie sind nicht angemeldet.
error-account-ended = Dieses Konto gilt nicht mehr. Bitten Sie einen Administrator um einen neuen Code.
error-not-allowed = Ihre Rolle erlaubt das nicht.
error-refused = Die Tür lehnt das ab. Sie meldet:
error-door-silent = Die Tür antwortet nicht. Vielleicht startet sie gerade neu; versuchen Sie es in einer Minute wieder.
error-not-found = Diese Seite gibt es nicht.
error-other-site = Die Anfrage kam von einer anderen Website und wurde abgelehnt. Öffnen Sie die Seite der Konsole und versuchen Sie es wieder.
error-bad-request = Das Formular ist unvollständig. Gehen Sie zurück, und versuchen Sie es wieder.
error-too-large = Das Gesendete ist zu groß.
error-too-many = Zu viele Versuche. Warten Sie eine Minute, und versuchen Sie es dann wieder.
error-busy = Die Konsole ist ausgelastet. Versuchen Sie es gleich noch einmal.
error-internal = Die Konsole hat einen Fehler. Ihr Protokoll sagt mehr.
