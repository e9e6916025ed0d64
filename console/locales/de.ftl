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

## The record of events.
nav-events = Ereignisse
nav-report = Bericht
nav-health = Zustand
events-title = Ereignisse
events-from = Von
events-until = Bis
events-person = Person
events-reason = Grund
events-any-reason = beliebig
events-kind = Art
events-any-kind = alle
events-decisions = eingelassen oder abgewiesen
events-faults = Störungen und Alarme
events-changes = Befehle und Änderungen
events-filter = Diese anzeigen
events-no-filter = Alle anzeigen
events-added = Neue Ereignisse:
events-none = Kein Ereignis passt.
events-older = Ältere Ereignisse
events-newest = Neueste Ereignisse
events-again = Neu laden
events-files = Als Datei
events-files-hint = Alle Ereignisse dieser Auswahl, nicht nur die dieser Seite. Sie nennen Personen: Bewahren Sie die Datei sicher auf.
events-bad-from = „Von“ ist kein Datum mit Uhrzeit.
events-bad-until = „Bis“ ist kein Datum mit Uhrzeit.
events-bad-span = „Von“ muss vor „Bis“ liegen.
events-bad-person = Der Name ist zu lang.
events-bad-reason = Diesen Grund gibt es nicht. Wählen Sie einen aus der Liste.
events-bad-kind = Diese Art gibt es nicht. Wählen Sie eine aus der Liste.
events-bad-page = Diese Seite gibt es nicht. Laden Sie die neuesten Ereignisse.

## The reasons of decisions.
reason-granted = eingelassen
reason-request-to-exit = mit dem Türtaster hinausgelassen
reason-command = durch einen Befehl geöffnet
reason-unknown = unbekannte Person
reason-ambiguous = zwei Personen kamen infrage
reason-low-quality = Gesicht nie deutlich genug
reason-too-far = zu weit entfernt
reason-static-face = Gesicht bewegte sich nicht
reason-spoof = ein Bild wurde gezeigt
reason-not-live = nicht als echte Person erwiesen
reason-several-faces = mehrere Gesichter im Bild
reason-cool-down = gerade erst eingelassen
reason-same-visit = seit dem letzten Einlass im Bild geblieben
reason-disabled-person = Person ist deaktiviert
reason-alike = einer anderen Person zu ähnlich
reason-outside-hours = außerhalb der Zeiten
reason-no-hours = Gruppe hat keine Zeiten
reason-clock-implausible = die Uhr kann nicht stimmen
reason-paused = Pause nach zu vielen Versuchen
reason-locked = durch einen Fehler gesperrt
reason-locked-down = gesperrt

## One event.
event-title = Ereignis
event-why = Warum
event-moments = Momente der Entscheidung
event-at = Sekunden im Bild
event-quality = Qualität
event-similarity = Ähnlichkeit
event-threshold = Nötig
event-all-values = Alle aufgezeichneten Werte
event-fields = Was aufgezeichnet ist
event-back = Alle Ereignisse

## What if.
whatif-title = Was wäre wenn?
whatif-hint = Aufgezeichnete Besuche werden mit diesen Einstellungen noch einmal entschieden. Nichts wird geändert.
whatif-fpir = Anteil eingelassener Fremder
whatif-frames = Nötige gute Momente
whatif-margin = Vorsprung vor der nächsten Person
whatif-cooldown = Sekunden, bis dieselbe Person wieder eingelassen wird
whatif-level = Prüfung auf Bilder
whatif-alike = Personen, die sich ähneln
whatif-recorded = war { $value }
whatif-same = wie bisher
whatif-span = Besuche
whatif-visit = dieser
whatif-day = der Tag bis zu diesem
whatif-week = die Woche bis zu diesem
whatif-decide = Neu entscheiden
whatif-nothing = Ändern Sie mindestens eine Einstellung.
whatif-bad-value = Ein Wert ist nicht möglich. Zahlen haben einen Punkt, wie 0.002.
whatif-bad-span = Wählen Sie, welche Besuche neu entschieden werden.
whatif-no-decision = keine Entscheidung
whatif-found = Ergebnis
whatif-same-decisions = Gleiche Entscheidungen
whatif-others = Andere Entscheidungen
whatif-repeated = Mit einer anderen Abweisung zusammengefasst, nicht neu entschieden
whatif-not-decided = Nicht neu entschieden:
whatif-was = War
whatif-would-be = Wäre
whatif-number = Anzahl
whatif-more = Und { $number } weitere.
whatif-settings = Einstellungen
whatif-back = Zurück zum Ereignis

## The report.
report-title = Bericht
report-span = Zeitraum
report-day = 24 Stunden
report-week = 7 Tage
report-month = 4 Wochen
report-all = Alles
report-bad-span = Diesen Zeitraum gibt es nicht. Wählen Sie oben einen.
report-none = In dieser Zeit gab es keinen Besuch.
report-visits = Besuche
report-repeated = Weitere Abweisungen, mit einem dieser Besuche zusammengefasst
report-strangers-title = Fremde
report-nearest = Der Fremde, der am nächsten kam
report-histogram = Ähnlichkeit minus Schwelle
report-histogram-hint = Anzahl der Besuche. Ab 0 wird ein Gesicht erkannt.
report-difference = Differenz
report-strangers = Fremde
report-granted = Eingelassen
report-people = Personen
report-people-hint = Wie oft jede Person nicht erkannt wurde, mit dem 95-%-Intervall des Anteils.
report-name = Name
report-refused = Nicht erkannt
report-share = Anteil
report-interval = 95-%-Intervall
report-weeks = Wochen
report-begins = Ab
report-median = Median
report-highest = Höchste
report-rates = Andere Raten
report-more = Mehr eingelassen
report-fewer = Weniger eingelassen
report-extrapolated = extrapoliert

## The health of the door.
health-title = Zustand
health-checks = Prüfungen
health-hint = Die Tür prüft alles, wovon sie abhängt: Modelle, Kamera, Speicher, Uhr, Temperatur und mehr. Das dauert bis zu einer Minute und stört sie nicht.
health-run = Prüfungen starten
health-wait = Die Befunde kommen nacheinander, bis zu einer Minute lang.
health-ok = In Ordnung
health-warning = Warnung
health-fault = Fehler
health-fix = Abhilfe:
health-done = Alle Prüfungen sind beendet.
health-again = Prüfungen wiederholen
health-faults = Neueste Störungen und Alarme
health-no-faults = Es sind keine aufgezeichnet.
health-all-faults = Alle Störungen und Alarme
health-back = Zurück zum Zustand der Tür
