### French.

## On every page.
skip = Aller au contenu
nav = Pages
nav-door = Porte
nav-live = Image en direct
nav-account = Compte
sign-out = Se déconnecter
cancel = Annuler
save = Enregistrer
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } jours

## Signing in.
sign-in-title = Connexion
sign-in = Se connecter
sign-in-name = Nom
sign-in-password = Mot de passe
sign-in-wrong = Le nom ou le mot de passe est incorrect.
sign-in-pair = J’ai un code à usage unique
done-signed-out = Vous êtes déconnecté.
done-signed-out-everywhere = Tous les navigateurs sont déconnectés.

## Pairing a browser by a one-time code.
pair-title = Associer ce navigateur
pair-how = Un administrateur obtient un code sur la carte avec :
pair-code = Code à usage unique
pair = Associer
pair-sign-in = J’ai un compte
pair-wrong-code = Ce code n’est pas valable : il est mal saisi, déjà utilisé ou expiré. Demandez-en un autre.
done-paired = Bienvenue, { $name }. Connectez-vous désormais avec ce nom et votre mot de passe.

## Passwords.
password-new = Nouveau mot de passe
password-again = Nouveau mot de passe, encore une fois
password-current = Mot de passe actuel
password-hint = Au moins { $number } caractères.
password-too-short = Le mot de passe doit avoir au moins { $number } caractères.
password-too-long = Le mot de passe est trop long.
password-too-easy = Le mot de passe est trop facile à deviner.
password-differs = Les deux mots de passe sont différents.
password-wrong = Le mot de passe actuel est incorrect.

## The door.
door-title = Porte
mode-normal = Normal : les personnes enregistrées peuvent entrer
mode-held-open = Maintenue ouverte encore { $number } min
mode-locked-down = Verrouillée : les visages n’ouvrent pas la porte
mode-fault = Verrouillée par une panne jusqu’au redémarrage
state-no-relay = Aucun relais n’est configuré : rien ne s’ouvre.
state-no-camera = La caméra ne donne pas d’images.
state-contact = Contact de porte
state-open = ouverte
state-closed = fermée
state-unknown = inconnu
state-exit = Bouton de sortie
state-pressed = appuyé
state-not-pressed = non appuyé
state-people = Personnes enregistrées
state-liveness = Détection des photos
state-model = Modèle
state-version = Version
state-uptime = En marche depuis
door-control = Ouvrir et verrouiller
door-open = Ouvrir la porte
door-hold-for = Maintenir ouverte pendant
door-hold = Maintenir ouverte
door-normal = Revenir à la normale
door-lockdown = Verrouiller
door-lockdown-hint = Pendant un verrouillage, aucun visage n’ouvre la porte. Le bouton de sortie l’ouvre.
open-title = Ouvrir la porte ?
open-question = La porte « { $name } » s’ouvre une fois, pour toute personne qui se trouve devant.
done-opened = La porte a été ouverte.
done-held = La porte est maintenue ouverte.
done-locked-down = La porte est verrouillée.
done-normal = La porte fonctionne normalement.

## The live picture. What a person before the camera should do.
live-title = Image en direct
live-picture = L’image de la caméra de la porte
live-waiting = En attente d’une image …
live-lost = Pas de connexion. Nouvel essai en cours.
live-nobody = Personne n’est dans l’image.
live-failed = La porte ne donne pas d’image.
live-unknown = personne inconnue
advice-too-small = s’approcher
advice-too-dark = trop sombre : éclairer le visage
advice-too-bright = trop clair : éviter la lumière dans la caméra
advice-blurred = flou : ne pas bouger
advice-turned-away = regarder droit vers la caméra
advice-tilted = tenir la tête droite
advice-eyes-covered = les yeux sont cachés : retirer les lunettes noires
advice-mouth-covered = la bouche est cachée : retirer le masque
advice-cut-off = le bord de l’image coupe le visage : se placer dans l’image
advice-not-upright = la tête est à l’envers, de côté ou presque cachée

## The account.
account-title = Compte
account-name = Nom
account-role = Rôle
role-viewer = observateur : peut regarder
role-operator = opérateur : peut aussi ouvrir et verrouiller
role-admin = administrateur : peut tout faire
account-language = Langue
account-language-browser = Comme le navigateur
account-password = Mot de passe
account-change-password = Changer le mot de passe
account-sessions = Navigateurs connectés
account-session-began = Connecté
account-session-used = dernière utilisation
account-sign-out-everywhere = Se déconnecter partout
done-language = La langue est enregistrée.
done-password = Le mot de passe est changé. Les autres navigateurs sont déconnectés.

## Errors.
error-title = Cela ne marche pas
error-back = Retour à la première page
error-not-signed-in = Vous n’êtes pas connecté.
error-account-ended = Ce compte n’est plus valable. Demandez un nouveau code à un administrateur.
error-not-allowed = Votre rôle ne le permet pas.
error-refused = La porte refuse. Elle indique :
error-door-silent = La porte ne répond pas. Elle redémarre peut-être ; réessayez dans une minute.
error-not-found = Cette page n’existe pas.
error-other-site = La demande vient d’un autre site et a été refusée. Ouvrez la page de la console et réessayez.
error-bad-request = Le formulaire est incomplet. Revenez en arrière et réessayez.
error-too-large = L’envoi est trop volumineux.
error-too-many = Trop d’essais. Attendez une minute, puis réessayez.
error-busy = La console est occupée. Réessayez dans un instant.
error-internal = La console a une erreur. Son journal en dit plus.

## Settings.
settings-title = Réglages
settings-last = Dernière modification : { $name }.
settings-undo = Annuler la modification
settings-no-undo = Il n’y a aucune modification à annuler.
settings-allowed = Valeurs admises :
settings-default = Par défaut :
settings-example = Exemple :
settings-origin = Provient de :
settings-restart = Une modification exige un redémarrage de la porte.
settings-reset = Revenir aux fichiers du propriétaire ou à la valeur par défaut
settings-others = Autres clés
settings-others-hint = Ces clés ne se modifient que dans les fichiers du propriétaire sur l’appareil, car elles protègent la porte.
settings-not-set = non définie
done-setting = { $name } est modifié.
done-setting-reset = { $name } suit à nouveau les fichiers du propriétaire ou la valeur par défaut.
done-setting-undone = La modification de { $name } est annulée.

## The camera on the page of the live picture.
camera-title = Caméra
camera-again = Afficher une nouvelle image
camera-light = Lumière
camera-dark = trop sombre : éclairer l’endroit devant la porte
camera-bright = trop clair : détourner la caméra de la lumière
camera-good = bon
camera-focus = Netteté
camera-blurred = flou : régler ou nettoyer l’objectif
camera-rotate = Tourner de 90° à droite
camera-mirror = Inverser gauche et droite
camera-unmirror = Ne plus inverser gauche et droite
camera-region = Zone
camera-region-hint = Les visages ne sont cherchés que dans cette partie de l’image, en pixels. Tourner l’image supprime la zone.
camera-region-set = L’image ne montre que la zone ; supprimez-la pour en choisir une plus grande.
camera-draw = Dessiner la zone sur l’image
camera-x = Depuis la gauche
camera-y = Depuis le haut
camera-width = Largeur
camera-height = Hauteur
camera-remove = Supprimer la zone
done-camera = La caméra est réglée. L’image peut prendre quelques secondes.

## Work that takes long.
work-runs = La porte y travaille. Cette page suit l’avancement ; vous pouvez la quitter.
work-over = C’est terminé.

## Models.
models-title = Modèles
models-busy = Une vérification ou un changement de modèles est en cours.
models-overridden = models.dir est défini : ce dossier compte, et aucun lot.
models-shipped = Les modèles fournis avec le programme sont utilisés.
models-bundle = Lot { $number }
models-active = utilisé
models-probation = à l’essai
models-created = Créé le
models-expires = Expire le
models-expired = Expiré le
models-model = Modèle
models-verify = Vérifier
models-verify-one = Vérifier le lot { $number }
models-verify-title = Vérification des modèles
models-activate = Utiliser
models-activate-one = Utiliser le lot { $number }
models-activate-title = Changer de modèles
models-activate-question = Le lot { $number } remplace les modèles utilisés.
models-rollback = Revenir aux modèles précédents
models-rollback-title = Revenir en arrière
models-rollback-question = Les modèles utilisés auparavant remplacent les modèles actuels.
models-minutes = La porte calcule les gabarits de toutes les personnes, ce qui prend une minute ou plus. Elle continue de fonctionner.
models-without = Personnes sans photos enregistrées
models-without-hint = Aucun gabarit ne peut être calculé pour ces personnes. La porte refuse le changement si vous ne les cochez pas ; elles devront être enregistrées à nouveau.
models-templates = Gabarits : { $number }
models-good = bon
models-bad = pas bon :
models-refused = Les modèles n’ont pas été changés. La porte indique :
models-in-use = Le lot { $number } est utilisé.
models-computed = Gabarits calculés : { $number }.
models-strangers = Ces personnes doivent être enregistrées à nouveau :
models-none = Aucun lot n’est enregistré. Sur l’appareil, cette commande en télécharge un :
models-back = Vers les modèles

## Setting up a door.
setup-title = Mise en service
setup-hint = Dans cet ordre. Vous pouvez passer une étape et y revenir.
setup-done = fait
setup-open = à faire
setup-back = Retour à la mise en service
setup-name = Nom et langue
setup-name-hint = La porte s’appelle { $name }. Cela se change sur l’appareil : door.name dans /etc/ostiary/ostiary.toml.
setup-language = Langue dans laquelle la porte s’adresse aux gens
setup-camera = La caméra
setup-camera-hint = Orientez la caméra pour que les visages soient droits, bien éclairés et nets.
setup-person = La première personne
setup-person-hint = Personnes enregistrées : { $number }.
setup-people = Vers les personnes
setup-relay = Le relais
setup-relay-hint = Le relais reçoit une impulsion et la porte s’ouvre. Placez-vous à côté et écoutez le déclic. L’étape est faite quand une commande a ouvert la porte.
setup-relay-name = Pour confirmer, saisissez le nom de la porte : { $name }
setup-relay-test = Tester le relais
setup-recognized = Quelqu’un est reconnu
setup-recognized-hint = Placez-vous devant la caméra en tant que personne enregistrée : la porte s’ouvre.
setup-liveness-hint = Essayez à cette porte quelles images elle laisse entrer, et combien de fois elle refuse ses propres habitants.
setup-liveness-off = liveness.level est désactivé : une photo d’une personne enregistrée ouvre la porte. Cela ne se change que dans les fichiers du propriétaire.
setup-health = L’état de tous les éléments
setup-health-hint = La porte vérifie tout ce dont elle dépend et indique comment corriger chaque défaut.
setup-mqtt = Home Assistant (MQTT) et ce qui protège la porte se configurent sur l’appareil, avec :
done-relay = Le relais a été actionné une fois. A-t-il fait un déclic ? Sinon, vérifiez le câblage.

## Tests of liveness.
liveness-title = Essai avec des images
liveness-work-title = Essai avec des images : une partie en cours
liveness-busy = Une partie d’un essai est en cours.
liveness-results = Résultats
liveness-changed = Le dernier essai ne compte plus. Modifié depuis :
liveness-none = Rien n’a encore été essayé.
liveness-part = Partie
liveness-errors = Erreurs
liveness-interval = Intervalle à 95 %
liveness-parts = Commencer une partie
liveness-impossible = Aucun essai ne peut commencer. La porte indique :
liveness-hint = La porte compte ce qui lui est montré. Personne d’autre ne devrait venir à la porte pendant ce temps. Une partie se termine d’elle-même, par son bouton, ou si personne n’a regardé sa page pendant dix minutes.
liveness-presentations = Combien de fois
liveness-begin = Commencer
liveness-counted = Comptés : { $number }
liveness-end = Terminer cette partie
liveness-back = Vers toutes les parties et les résultats
done-liveness-ending = La partie se termine dès que plus rien n’est dans l’image.
