### German. Formal address: Sie.

## What the person should do. Left and right are the person's own.
prompt-step-back = Treten Sie zurück, bis Ihre Schultern im Bild sind.
prompt-look-at-camera = Schauen Sie in die Kamera.
prompt-turn-left = Drehen Sie den Kopf nach links.
prompt-turn-right = Drehen Sie den Kopf nach rechts.
prompt-turn-up = Heben Sie das Kinn.
prompt-turn-down = Senken Sie das Kinn.

## The person is let in.
welcome = Willkommen, { $name }.
unlocked = Die Tür ist entriegelt.

## The person is not let in.
refused-not-recognized = Ihr Gesicht wurde nicht erkannt.
refused-face-not-clear = Ihr Gesicht ist nicht deutlich zu sehen. Schauen Sie in die Kamera.
refused-too-far = Kommen Sie näher an die Kamera.
refused-not-live = Die Tür konnte nicht feststellen, dass hier ein Mensch steht. Versuchen Sie es noch einmal.
refused-several-faces = Bitte treten Sie einzeln vor die Kamera.
refused-just-let-in = Die Tür wurde gerade für Sie geöffnet. Warten Sie einen Moment und versuchen Sie es dann noch einmal.
refused-still-in-view = Die Tür wurde schon für Sie geöffnet. Treten Sie aus dem Bild und kommen Sie dann zurück.
refused-no-access = Sie haben hier keinen Zutritt. Wenden Sie sich an den Betreiber der Tür.
refused-outside-hours = Sie haben um diese Zeit keinen Zutritt.
refused-paused = Zu viele Versuche. Versuchen Sie es später noch einmal.
refused-out-of-order = Die Tür ist außer Betrieb. Benutzen Sie einen anderen Eingang.
