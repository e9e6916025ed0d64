### Spanish.

## On every page.
skip = Ir al contenido
nav = Páginas
nav-door = Puerta
nav-live = Imagen en directo
nav-account = Cuenta
sign-out = Cerrar sesión
cancel = Cancelar
save = Guardar
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } días

## Signing in.
sign-in-title = Iniciar sesión
sign-in = Iniciar sesión
sign-in-name = Nombre
sign-in-password = Contraseña
sign-in-wrong = El nombre o la contraseña no son correctos.
sign-in-pair = Tengo un código de un solo uso
done-signed-out = Ha cerrado la sesión.
done-signed-out-everywhere = Se ha cerrado la sesión en todos los navegadores.

## Pairing a browser by a one-time code.
pair-title = Vincular este navegador
pair-how = Un administrador obtiene un código en la placa con:
pair-code = Código de un solo uso
pair = Vincular
pair-sign-in = Tengo una cuenta
pair-wrong-code = Este código no es válido: está mal escrito, ya se usó o ha caducado. Pida otro.
done-paired = Bienvenido, { $name }. A partir de ahora, inicie sesión con este nombre y su contraseña.

## Passwords.
password-new = Contraseña nueva
password-again = Contraseña nueva otra vez
password-current = Contraseña actual
password-hint = Al menos { $number } caracteres.
password-too-short = La contraseña necesita al menos { $number } caracteres.
password-too-long = La contraseña es demasiado larga.
password-too-easy = La contraseña es demasiado fácil de adivinar.
password-differs = Las dos contraseñas son distintas.
password-wrong = La contraseña actual no es correcta.

## The door.
door-title = Puerta
mode-normal = Normal: las personas registradas pueden entrar
mode-held-open = Se mantiene abierta { $number } min más
mode-locked-down = Bloqueada: las caras no abren la puerta
mode-fault = Bloqueada por un fallo hasta reiniciar
state-no-relay = No hay ningún relé configurado: nada se abre.
state-no-camera = La cámara no da imágenes.
state-contact = Contacto de puerta
state-open = abierta
state-closed = cerrada
state-unknown = desconocido
state-exit = Botón de salida
state-pressed = pulsado
state-not-pressed = sin pulsar
state-people = Personas registradas
state-liveness = Detección de fotos
state-model = Modelo
state-version = Versión
state-uptime = En marcha desde hace
door-control = Abrir y bloquear
door-open = Abrir la puerta
door-hold-for = Mantener abierta durante
door-hold = Mantener abierta
door-normal = Volver a lo normal
door-lockdown = Bloquear
door-lockdown-hint = Durante un bloqueo, ninguna cara abre la puerta. El botón de salida sí.
open-title = ¿Abrir la puerta?
open-question = La puerta «{ $name }» se abre una vez, para cualquiera que esté delante.
done-opened = La puerta se ha abierto.
done-held = La puerta se mantiene abierta.
done-locked-down = La puerta está bloqueada.
done-normal = La puerta funciona como siempre.

## The live picture. What a person before the camera should do.
live-title = Imagen en directo
live-picture = La imagen de la cámara de la puerta
live-waiting = Esperando una imagen …
live-lost = No hay conexión. Se vuelve a intentar.
live-nobody = No hay nadie a la vista.
live-failed = La puerta no da ninguna imagen.
live-unknown = persona desconocida
advice-too-small = acercarse
advice-too-dark = demasiado oscuro: iluminar la cara
advice-too-bright = demasiado claro: evitar la luz en la cámara
advice-blurred = borroso: quedarse quieto
advice-turned-away = mirar de frente a la cámara
advice-tilted = mantener la cabeza recta
advice-eyes-covered = los ojos están tapados: quitarse las gafas oscuras
advice-mouth-covered = la boca está tapada: quitarse la mascarilla
advice-cut-off = el borde de la imagen corta la cara: entrar en la imagen
advice-not-upright = la cabeza está al revés, de lado o casi tapada

## The account.
account-title = Cuenta
account-name = Nombre
account-role = Función
role-viewer = observador: puede mirar
role-operator = operador: también puede abrir y bloquear
role-admin = administrador: puede hacerlo todo
account-language = Idioma
account-language-browser = Como el navegador
account-password = Contraseña
account-change-password = Cambiar la contraseña
account-sessions = Navegadores con sesión abierta
account-session-began = Sesión iniciada
account-session-used = último uso
account-sign-out-everywhere = Cerrar todas las sesiones
done-language = El idioma se ha guardado.
done-password = La contraseña se ha cambiado. Se ha cerrado la sesión en los demás navegadores.

## Errors.
error-title = Esto no funciona
error-back = Volver a la primera página
error-not-signed-in = No ha iniciado sesión.
error-account-ended = Esta cuenta ya no es válida. Pida un código nuevo a un administrador.
error-not-allowed = Su función no lo permite.
error-refused = La puerta lo rechaza. Dice:
error-door-silent = La puerta no responde. Quizá se esté reiniciando; inténtelo de nuevo en un minuto.
error-not-found = Esta página no existe.
error-other-site = La petición vino de otro sitio y se rechazó. Abra la página de la consola e inténtelo de nuevo.
error-bad-request = El formulario está incompleto. Vuelva atrás e inténtelo de nuevo.
error-too-large = Lo enviado es demasiado grande.
error-too-many = Demasiados intentos. Espere un minuto e inténtelo de nuevo.
error-busy = La consola está ocupada. Inténtelo de nuevo en un momento.
error-internal = La consola tiene un error. Su registro dice más.

## The record of events.
nav-events = Eventos
nav-report = Informe
nav-health = Estado
events-title = Eventos
events-from = Desde
events-until = Hasta
events-person = Persona
events-reason = Motivo
events-any-reason = cualquiera
events-kind = Tipo
events-any-kind = todos
events-decisions = entradas y rechazos
events-faults = fallos y alarmas
events-changes = órdenes y cambios
events-filter = Mostrar
events-no-filter = Mostrar todo
events-added = Eventos nuevos:
events-none = Ningún evento coincide.
events-older = Eventos anteriores
events-newest = Eventos más recientes
events-again = Actualizar
events-files = Como archivo
events-files-hint = Todos los eventos de este filtro, no solo los de esta página. Nombran a personas: guarde el archivo en lugar seguro.
events-bad-from = «Desde» no es una fecha con hora.
events-bad-until = «Hasta» no es una fecha con hora.
events-bad-span = «Desde» debe ser anterior a «hasta».
events-bad-person = El nombre es demasiado largo.
events-bad-reason = No existe ese motivo. Elija uno de la lista.
events-bad-kind = No existe ese tipo. Elija uno de la lista.
events-bad-page = No existe esa página. Cargue los eventos más recientes.

## The reasons of decisions.
reason-granted = se dejó entrar
reason-request-to-exit = salida con el botón
reason-command = abierta por una orden
reason-unknown = persona desconocida
reason-ambiguous = podían ser dos personas
reason-low-quality = la cara nunca se vio bien
reason-too-far = demasiado lejos
reason-static-face = la cara no se movió
reason-spoof = se mostró una foto
reason-not-live = no se comprobó que fuera una persona
reason-several-faces = varias caras a la vista
reason-cool-down = entró hace un momento
reason-same-visit = sigue a la vista desde la última vez
reason-disabled-person = persona desactivada
reason-alike = se parece demasiado a otra persona
reason-outside-hours = fuera del horario
reason-no-hours = el grupo no tiene horario
reason-clock-implausible = el reloj no puede estar bien
reason-paused = pausa tras demasiados intentos
reason-locked = bloqueada por un fallo
reason-locked-down = bloqueada

## One event.
event-title = Evento
event-why = Por qué
event-moments = Momentos de la decisión
event-at = Segundos a la vista
event-quality = Calidad
event-similarity = Similitud
event-threshold = Necesaria
event-all-values = Todos los valores registrados
event-fields = Contenido del registro
event-back = Todos los eventos

## What if.
whatif-title = ¿Y si…?
whatif-hint = Las visitas registradas se deciden otra vez con estos ajustes. No se cambia nada.
whatif-fpir = Tasa de desconocidos admitidos
whatif-frames = Momentos buenos necesarios
whatif-margin = Ventaja sobre la siguiente persona
whatif-cooldown = Segundos hasta que la misma persona entra otra vez
whatif-level = Detección de fotos
whatif-alike = Personas que se parecen
whatif-recorded = era { $value }
whatif-same = sin cambios
whatif-span = Visitas
whatif-visit = esta
whatif-day = el día hasta esta
whatif-week = la semana hasta esta
whatif-decide = Decidir otra vez
whatif-nothing = Cambie al menos un ajuste.
whatif-bad-value = Un valor no es posible. Los números llevan punto, como 0.002.
whatif-bad-span = Elija qué visitas se deciden otra vez.
whatif-no-decision = ninguna decisión
whatif-found = Resultado
whatif-same-decisions = Decisiones iguales
whatif-others = Decisiones distintas
whatif-repeated = Sumadas a otro rechazo, sin decidir otra vez
whatif-not-decided = Sin decidir otra vez:
whatif-was = Era
whatif-would-be = Sería
whatif-number = Número
whatif-more = Y { $number } más.
whatif-settings = Ajustes
whatif-back = Volver al evento

## The report.
report-title = Informe
report-span = Periodo
report-day = 24 horas
report-week = 7 días
report-month = 4 semanas
report-all = Todo
report-bad-span = No existe ese periodo. Elija uno arriba.
report-none = No hubo ninguna visita en este periodo.
report-visits = Visitas
report-repeated = Otros rechazos, sumados a una de estas visitas
report-strangers-title = Desconocidos
report-nearest = El desconocido que más se acercó
report-histogram = Similitud menos umbral
report-histogram-hint = Número de visitas. Desde 0, una cara se reconoce.
report-difference = Diferencia
report-strangers = Desconocidos
report-granted = Entraron
report-people = Personas
report-people-hint = Cuántas veces no se reconoció a cada persona, con el intervalo del 95 % de la proporción.
report-name = Nombre
report-refused = Sin reconocer
report-share = Proporción
report-interval = Intervalo del 95 %
report-weeks = Semanas
report-begins = Desde
report-median = Mediana
report-highest = Máximo
report-rates = Otras tasas
report-more = Entradas de más
report-fewer = Entradas de menos
report-extrapolated = extrapolado

## The health of the door.
health-title = Estado
health-checks = Comprobaciones
health-hint = La puerta comprueba todo aquello de lo que depende: modelos, cámara, disco, reloj, temperatura y más. Tarda hasta un minuto y no la molesta.
health-run = Iniciar las comprobaciones
health-wait = Los resultados llegan uno tras otro, durante un minuto como máximo.
health-ok = En orden
health-warning = Advertencia
health-fault = Fallo
health-fix = Solución:
health-done = Todas las comprobaciones han terminado.
health-again = Repetir las comprobaciones
health-faults = Últimos fallos y alarmas
health-no-faults = No hay ninguno registrado.
health-all-faults = Todos los fallos y alarmas
health-back = Volver al estado de la puerta
