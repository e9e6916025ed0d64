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

## Settings.
settings-title = Einstellungen
settings-last = Zuletzt wurde { $name } geändert.
settings-undo = Rückgängig machen
settings-no-undo = Es gibt keine Änderung, die rückgängig gemacht werden kann.
settings-allowed = Erlaubt:
settings-default = Vorgabe:
settings-example = Beispiel:
settings-origin = Kommt von:
settings-restart = Eine Änderung wirkt erst nach einem Neustart der Tür.
settings-reset = Zurück zu den Dateien des Besitzers oder zur Vorgabe
settings-others = Weitere Schlüssel
settings-others-hint = Diese Schlüssel lassen sich nur in den Dateien des Besitzers auf dem Gerät ändern, weil sie die Tür schützen.
settings-not-set = nicht gesetzt
done-setting = { $name } ist geändert.
done-setting-reset = { $name } gilt wieder wie in den Dateien des Besitzers oder wie vorgegeben.
done-setting-undone = Die Änderung von { $name } ist rückgängig gemacht.

## The camera on the page of the live picture.
camera-title = Kamera
camera-again = Neues Bild zeigen
camera-light = Licht
camera-dark = zu dunkel: Licht vor die Tür bringen
camera-bright = zu hell: Kamera vom Licht wegdrehen
camera-good = gut
camera-focus = Schärfe
camera-blurred = unscharf: Objektiv scharf stellen oder reinigen
camera-rotate = Um 90° nach rechts drehen
camera-mirror = Links und rechts vertauschen
camera-unmirror = Links und rechts nicht vertauschen
camera-region = Bereich
camera-region-hint = Nur in diesem Teil des Bildes werden Gesichter gesucht, in Pixeln. Wird das Bild gedreht, entfällt der Bereich.
camera-region-set = Das Bild zeigt nur den Bereich; entfernen Sie ihn, um einen größeren zu wählen.
camera-draw = Bereich auf dem Bild zeichnen
camera-x = Von links
camera-y = Von oben
camera-width = Breite
camera-height = Höhe
camera-remove = Bereich entfernen
done-camera = Die Kamera ist umgestellt. Das Bild kann einige Sekunden brauchen.

## Work that takes long.
work-runs = Die Tür arbeitet daran. Diese Seite zeigt den Stand; Sie können sie verlassen.
work-over = Es ist erledigt.

## Models.
models-title = Modelle
models-busy = Eine Prüfung oder ein Wechsel von Modellen läuft.
models-overridden = models.dir ist gesetzt: Dieser Ordner gilt, und kein Paket.
models-shipped = Die mitgelieferten Modelle sind in Gebrauch.
models-bundle = Paket { $number }
models-active = in Gebrauch
models-probation = auf Probe
models-created = Erstellt
models-expires = Läuft ab
models-expired = Abgelaufen
models-model = Modell
models-verify = Prüfen
models-verify-one = Paket { $number } prüfen
models-verify-title = Prüfung der Modelle
models-activate = Verwenden
models-activate-one = Paket { $number } verwenden
models-activate-title = Modelle wechseln
models-activate-question = Paket { $number } ersetzt die Modelle, die in Gebrauch sind.
models-rollback = Zurück zu den vorigen Modellen
models-rollback-title = Modelle zurücksetzen
models-rollback-question = Die Modelle, die vorher in Gebrauch waren, ersetzen die jetzigen.
models-minutes = Die Tür berechnet die Vorlagen aller Personen, was eine Minute oder länger dauert. Sie arbeitet währenddessen weiter.
models-without = Personen ohne gespeicherte Fotos
models-without-hint = Von diesen Personen kann keine Vorlage berechnet werden. Die Tür lehnt den Wechsel ab, wenn Sie sie nicht ankreuzen; sie müssen dann neu erfasst werden.
models-templates = Vorlagen: { $number }
models-good = gut
models-bad = nicht gut:
models-refused = Die Modelle wurden nicht gewechselt. Die Tür meldet:
models-in-use = Paket { $number } ist in Gebrauch.
models-computed = Berechnete Vorlagen: { $number }.
models-strangers = Diese Personen müssen neu erfasst werden:
models-none = Es ist kein Paket gespeichert. Auf dem Gerät lädt dieser Befehl eines herunter:
models-back = Zu den Modellen

## Setting up a door.
setup-title = Einrichten
setup-hint = In dieser Reihenfolge. Sie können einen Schritt auslassen und später zurückkommen.
setup-done = erledigt
setup-open = offen
setup-back = Zurück zum Einrichten
setup-name = Name und Sprache
setup-name-hint = Die Tür heißt { $name }. Das lässt sich auf dem Gerät ändern: door.name in /etc/ostiary/ostiary.toml.
setup-language = Sprache, in der die Tür Personen anspricht
setup-camera = Die Kamera
setup-camera-hint = Richten Sie die Kamera so aus, dass Gesichter aufrecht, gut beleuchtet und scharf sind.
setup-person = Die erste Person
setup-person-hint = Erfasste Personen: { $number }.
setup-people = Zu den Personen
setup-relay = Das Relais
setup-relay-hint = Das schaltet das Relais für einen Impuls, und die Tür öffnet sich. Stellen Sie sich daneben, und achten Sie auf das Klicken. Der Schritt ist erledigt, wenn ein Befehl die Tür geöffnet hat.
setup-relay-name = Geben Sie zur Bestätigung den Namen der Tür ein: { $name }
setup-relay-test = Relais prüfen
setup-recognized = Jemand wird erkannt
setup-recognized-hint = Stellen Sie sich als erfasste Person vor die Kamera: Die Tür öffnet sich.
setup-liveness-hint = Probieren Sie an dieser Tür aus, welche Bilder sie einlässt und wie oft sie ihre eigenen Leute abweist.
setup-liveness-off = liveness.level ist ausgeschaltet: Ein Foto einer erfassten Person öffnet die Tür. Das lässt sich nur in den Dateien des Besitzers ändern.
setup-health = Der Zustand aller Teile
setup-health-hint = Die Tür prüft alles, wovon sie abhängt, und sagt, wie sich jeder Fehler beheben lässt.
setup-mqtt = Home Assistant (MQTT) und alles, was die Tür schützt, werden auf dem Gerät eingerichtet, mit:
done-relay = Das Relais hat einmal geschaltet. Hat es geklickt? Wenn nicht, prüfen Sie die Verdrahtung.

## Tests of liveness.
liveness-title = Prüfung mit Bildern
liveness-work-title = Prüfung mit Bildern: ein Teil läuft
liveness-busy = Ein Teil einer Prüfung läuft.
liveness-results = Ergebnisse
liveness-changed = Die letzte Prüfung gilt nicht mehr. Seitdem geändert:
liveness-none = Es wurde noch nichts geprüft.
liveness-part = Teil
liveness-errors = Fehler
liveness-interval = 95-%-Intervall
liveness-parts = Einen Teil beginnen
liveness-impossible = Es kann keine Prüfung beginnen. Die Tür meldet:
liveness-hint = Die Tür zählt, was ihr gezeigt wird. Sonst sollte währenddessen niemand zur Tür kommen. Ein Teil endet von selbst, mit seiner Schaltfläche, oder wenn zehn Minuten lang niemand auf seine Seite geschaut hat.
liveness-presentations = Wie oft
liveness-begin = Beginnen
liveness-counted = Gezählt: { $number }
liveness-end = Diesen Teil beenden
liveness-back = Zu allen Teilen und Ergebnissen
done-liveness-ending = Der Teil endet, sobald nichts mehr im Bild ist.
